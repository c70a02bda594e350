#include <stddef.h>
#include <stdint.h>

struct options {
    uint32_t block, strong;
};

struct state {
    uint32_t low, high;
    uint64_t count;
};

struct key {
    uint32_t words[4];
};

int sum_normalise(struct options *options)
{
    if (options->block == 0)
        options->block = 2048;
    if (options->strong > 32)
        options->strong = 32;
    return options->block > (1u << 20) ? -1 : 0;
}

void sum_update(struct state *state, const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        state->low += bytes[i] + 31u;
        state->high += state->low;
    }
    state->count += count;
}

uint32_t sum_digest(const struct state *state)
{
    return state->high << 16 | (state->low & 0xffff);
}

uint32_t sum_seed(const struct key *key)
{
    return key->words[0] ^ key->words[1] ^ key->words[2] ^ key->words[3];
}
