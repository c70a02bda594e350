/* png.c - a picture to PNG and back, both in memory, by libpng's simplified interface. */
#include "harness.h"
#include <png.h>
#include <string.h>

enum { WIDTH = 1024, HEIGHT = 768, PICTURE_BYTES = WIDTH * HEIGHT * 4, ENCODE_ROUNDS = 3, DECODE_ROUNDS = 40 };

int main(void) {
    uint8_t *picture = host_buffer(PICTURE_BYTES), *back = host_buffer(PICTURE_BYTES);
    uint8_t *packed = host_buffer(PICTURE_BYTES);
    png_alloc_size_t bytes = 0;
    fill_picture(picture, WIDTH, HEIGHT);

    case_begin();
    for (int round = 0; round < ENCODE_ROUNDS; round++) {
        png_image image;
        memset(&image, 0, sizeof image);
        image.version = PNG_IMAGE_VERSION;
        image.width = WIDTH;
        image.height = HEIGHT;
        image.format = PNG_FORMAT_RGBA;
        bytes = PICTURE_BYTES;
        NEED(png_image_write_to_memory(&image, packed, &bytes, 0, picture, 0, NULL));
    }
    case_end("encode");
    case_check(check_bytes(CHECK_BEGIN, packed, bytes));

    case_begin();
    for (int round = 0; round < DECODE_ROUNDS; round++) {
        png_image image;
        memset(&image, 0, sizeof image);
        image.version = PNG_IMAGE_VERSION;
        NEED(png_image_begin_read_from_memory(&image, packed, bytes));
        image.format = PNG_FORMAT_RGBA;
        NEED(png_image_finish_read(&image, NULL, back, 0, NULL));
    }
    case_end("decode");
    case_check(check_bytes(CHECK_BEGIN, back, PICTURE_BYTES));
    NEED(memcmp(picture, back, PICTURE_BYTES) == 0);
    report();
    return 0;
}
