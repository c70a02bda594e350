#include <stdlib.h>
#include <string.h>

struct bitmap {
    int width, height;
    unsigned char *pixels;
};

struct range {
    unsigned low, high;
};

struct bitmap *bmp_create(int width, int height)
{
    if (width <= 0 || height <= 0)
        return NULL;
    struct bitmap *bitmap = malloc(sizeof *bitmap);
    if (!bitmap)
        return NULL;
    bitmap->width = width;
    bitmap->height = height;
    bitmap->pixels = calloc((size_t)width * (size_t)height, 4);
    if (!bitmap->pixels) {
        free(bitmap);
        return NULL;
    }
    return bitmap;
}

void bmp_destroy(struct bitmap *bitmap)
{
    if (!bitmap)
        return;
    free(bitmap->pixels);
    free(bitmap);
}

void bmp_fill(struct bitmap *bitmap, const unsigned char *rgba)
{
    unsigned char first[4] = {rgba[0], rgba[1], rgba[2], rgba[3]};
    size_t count = (size_t)bitmap->width * (size_t)bitmap->height;
    for (size_t i = 0; i < count; i++)
        memcpy(bitmap->pixels + 4 * i, first, 4);
}

unsigned char *bmp_copy_pixels(const struct bitmap *bitmap, size_t *length)
{
    size_t bytes = (size_t)bitmap->width * (size_t)bitmap->height * 4;
    unsigned char *copy = malloc(bytes);
    if (copy)
        memcpy(copy, bitmap->pixels, bytes);
    *length = bytes;
    return copy;
}

void bmp_free_pixels(unsigned char *pixels)
{
    free(pixels);
}

int bmp_range(const struct bitmap *bitmap, int channel, struct range *range)
{
    if (channel < 0 || channel > 3)
        return -1;
    size_t count = (size_t)bitmap->width * (size_t)bitmap->height;
    unsigned low = 255, high = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned value = bitmap->pixels[4 * i + (size_t)channel];
        low = value < low ? value : low;
        high = value > high ? value : high;
    }
    range->low = low;
    range->high = high;
    return 0;
}
