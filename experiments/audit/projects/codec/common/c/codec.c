#include <stddef.h>
#include <stdlib.h>

struct packet {
    int kind;
    unsigned char last;
    const unsigned char *payload;
    size_t count;
};

struct decoder {
    int version;
    struct packet current;
};

struct decoder *codec_open(int version)
{
    if (version < 1 || version > 2)
        return NULL;
    struct decoder *decoder = calloc(1, sizeof *decoder);
    if (decoder)
        decoder->version = version;
    return decoder;
}

void codec_close(struct decoder *decoder)
{
    free(decoder);
}

struct packet *codec_decode(struct decoder *decoder, const unsigned char *bytes, size_t count)
{
    if (count < 2)
        return NULL;
    decoder->current.kind = bytes[0];
    decoder->current.last = bytes[1];
    decoder->current.payload = count > 2 ? bytes + 2 : NULL;
    decoder->current.count = count - 2;
    return &decoder->current;
}

void codec_descramble(unsigned char *restrict to, const unsigned char *restrict from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] = from[i] ^ (unsigned char)(i * 31);
}

int packet_kind(const struct packet *packet)
{
    return packet->kind;
}

unsigned char packet_last(const struct packet *packet)
{
    return packet->last;
}

const unsigned char *packet_payload(const struct packet *packet, size_t *count)
{
    *count = packet->count;
    return packet->payload;
}
