/* zlib.c - text through deflate and inflate, in pieces; both checksums. */
#include "harness.h"
#include <string.h>
#include <zlib.h>

enum { TEXT_BYTES = 4 << 20, PIECE_BYTES = 64 << 10 };
enum { DEFLATE_ROUNDS = 2, INFLATE_ROUNDS = 45, CRC_ROUNDS = 300, ADLER_ROUNDS = 600 };

static size_t deflate_all(Bytef *text, Bytef *packed, size_t most) {
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    NEED(deflateInit(&stream, 6) == Z_OK);
    stream.next_out = packed;
    stream.avail_out = (uInt)most;
    for (size_t at = 0; at < TEXT_BYTES; at += PIECE_BYTES) {
        stream.next_in = text + at;
        stream.avail_in = PIECE_BYTES;
        const int last = at + PIECE_BYTES == TEXT_BYTES;
        NEED(deflate(&stream, last ? Z_FINISH : Z_NO_FLUSH) == (last ? Z_STREAM_END : Z_OK));
    }
    const size_t bytes = stream.total_out;
    NEED(deflateEnd(&stream) == Z_OK);
    return bytes;
}

static void inflate_all(Bytef *packed, size_t bytes, Bytef *to) {
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    NEED(inflateInit(&stream) == Z_OK);
    stream.next_in = packed;
    stream.avail_in = (uInt)bytes;
    int status = Z_OK;
    for (size_t at = 0; status != Z_STREAM_END; at += PIECE_BYTES) {
        NEED(at < TEXT_BYTES + PIECE_BYTES);
        stream.next_out = to + at;
        stream.avail_out = PIECE_BYTES;
        status = inflate(&stream, Z_NO_FLUSH);
        NEED(status == Z_OK || status == Z_STREAM_END);
    }
    NEED(stream.total_out == TEXT_BYTES);
    NEED(inflateEnd(&stream) == Z_OK);
}

int main(void) {
    Bytef *text = host_buffer(TEXT_BYTES), *back = host_buffer(TEXT_BYTES + PIECE_BYTES);
    const size_t most = TEXT_BYTES + TEXT_BYTES / 8;
    Bytef *packed = host_buffer(most);
    size_t bytes = 0;
    uLong sum = 0;
    fill_text((char *)text, TEXT_BYTES, 1);

    case_begin();
    for (int round = 0; round < DEFLATE_ROUNDS; round++) {
        bytes = deflate_all(text, packed, most);
    }
    case_end("deflate");
    case_check(check_bytes(CHECK_BEGIN, packed, bytes));

    case_begin();
    for (int round = 0; round < INFLATE_ROUNDS; round++) {
        inflate_all(packed, bytes, back);
    }
    case_end("inflate");
    case_check(check_bytes(CHECK_BEGIN, back, TEXT_BYTES));
    NEED(memcmp(text, back, TEXT_BYTES) == 0);

    case_begin();
    for (int round = 0; round < CRC_ROUNDS; round++) {
        sum = crc32(sum, text, TEXT_BYTES);
    }
    case_end("crc32");
    case_check(sum);

    case_begin();
    for (int round = 0; round < ADLER_ROUNDS; round++) {
        sum = adler32(sum, text, TEXT_BYTES);
    }
    case_end("adler32");
    case_check(sum);
    report();
    return 0;
}
