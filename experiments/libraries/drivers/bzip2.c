/* bzip2.c - text there and back, each in one call. */
#include "harness.h"
#include <bzlib.h>
#include <string.h>

enum { TEXT_BYTES = 2 << 20, COMPRESS_ROUNDS = 5, DECOMPRESS_ROUNDS = 12 };

/* Called by a library that was compiled without stdio, as crate bzip2-sys compiles it. */
void bz_internal_error(int code) {
    (void)code;
    fail("bzip2 is well");
}

int main(void) {
    char *text = host_buffer(TEXT_BYTES), *back = host_buffer(TEXT_BYTES), *packed = host_buffer(TEXT_BYTES);
    unsigned bytes = 0, length = 0;
    fill_text(text, TEXT_BYTES, 3);

    case_begin();
    for (int round = 0; round < COMPRESS_ROUNDS; round++) {
        bytes = TEXT_BYTES;
        NEED(BZ2_bzBuffToBuffCompress(packed, &bytes, text, TEXT_BYTES, 9, 0, 0) == BZ_OK);
    }
    case_end("compress");
    case_check(check_bytes(CHECK_BEGIN, packed, bytes));

    case_begin();
    for (int round = 0; round < DECOMPRESS_ROUNDS; round++) {
        length = TEXT_BYTES;
        NEED(BZ2_bzBuffToBuffDecompress(back, &length, packed, bytes, 0, 0) == BZ_OK);
        NEED(length == TEXT_BYTES);
    }
    case_end("decompress");
    case_check(check_bytes(CHECK_BEGIN, back, TEXT_BYTES));
    NEED(memcmp(text, back, TEXT_BYTES) == 0);
    report();
    return 0;
}
