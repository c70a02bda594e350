/* zstd.c - text there and back at the default level, with contexts that are kept. */
#include "harness.h"
#include <string.h>
#include <zstd.h>

enum { TEXT_BYTES = 4 << 20, LEVEL = 3, COMPRESS_ROUNDS = 25, DECOMPRESS_ROUNDS = 120 };

int main(void) {
    char *text = host_buffer(TEXT_BYTES), *back = host_buffer(TEXT_BYTES);
    const size_t most = ZSTD_compressBound(TEXT_BYTES);
    char *packed = host_buffer(most);
    size_t bytes = 0;
    fill_text(text, TEXT_BYTES, 4);
    ZSTD_CCtx *compressing = ZSTD_createCCtx();
    ZSTD_DCtx *decompressing = ZSTD_createDCtx();
    NEED(compressing != NULL && decompressing != NULL);

    case_begin();
    for (int round = 0; round < COMPRESS_ROUNDS; round++) {
        bytes = ZSTD_compressCCtx(compressing, packed, most, text, TEXT_BYTES, LEVEL);
        NEED(!ZSTD_isError(bytes));
    }
    case_end("compress");
    case_check(check_bytes(CHECK_BEGIN, packed, bytes));

    case_begin();
    for (int round = 0; round < DECOMPRESS_ROUNDS; round++) {
        NEED(ZSTD_decompressDCtx(decompressing, back, TEXT_BYTES, packed, bytes) == TEXT_BYTES);
    }
    case_end("decompress");
    case_check(check_bytes(CHECK_BEGIN, back, TEXT_BYTES));
    NEED(memcmp(text, back, TEXT_BYTES) == 0);
    ZSTD_freeCCtx(compressing);
    ZSTD_freeDCtx(decompressing);
    report();
    return 0;
}
