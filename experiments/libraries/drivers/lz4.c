/* lz4.c - text in blocks, there and back. */
#include "harness.h"
#include <lz4.h>
#include <string.h>

enum { TEXT_BYTES = 4 << 20, BLOCK_BYTES = 256 << 10, BLOCKS = TEXT_BYTES / BLOCK_BYTES };
enum { COMPRESS_ROUNDS = 80, DECOMPRESS_ROUNDS = 400 };

int main(void) {
    char *text = host_buffer(TEXT_BYTES), *back = host_buffer(TEXT_BYTES);
    const int most = LZ4_compressBound(BLOCK_BYTES);
    char *packed = host_buffer((size_t)most * BLOCKS);
    int bytes[BLOCKS];
    uint64_t check = CHECK_BEGIN;
    fill_text(text, TEXT_BYTES, 2);

    case_begin();
    for (int round = 0; round < COMPRESS_ROUNDS; round++) {
        for (int i = 0; i < BLOCKS; i++) {
            bytes[i] = LZ4_compress_default(text + i * BLOCK_BYTES, packed + i * most, BLOCK_BYTES, most);
            NEED(bytes[i] > 0);
        }
    }
    for (int i = 0; i < BLOCKS; i++) {
        check = check_bytes(check, packed + i * most, (size_t)bytes[i]);
    }
    case_end("compress");
    case_check(check);

    case_begin();
    for (int round = 0; round < DECOMPRESS_ROUNDS; round++) {
        for (int i = 0; i < BLOCKS; i++) {
            NEED(LZ4_decompress_safe(packed + i * most, back + i * BLOCK_BYTES, bytes[i], BLOCK_BYTES) == BLOCK_BYTES);
        }
    }
    case_end("decompress");
    case_check(check_bytes(CHECK_BEGIN, back, TEXT_BYTES));
    NEED(memcmp(text, back, TEXT_BYTES) == 0);
    report();
    return 0;
}
