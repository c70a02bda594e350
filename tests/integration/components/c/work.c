/* What components have done in C: honest work, and three ways to go wrong. */
#include <stddef.h>
#include <stdint.h>

struct tally {
    uint64_t requests, sum;
};

/* Turns each byte around, sums them up as they came. */
uint64_t tally_work(struct tally *tally, uint8_t *bytes, size_t count) {
    uint64_t sum = 0;
    for (size_t at = 0; at < count; at++) {
        sum += bytes[at];
        bytes[at] ^= 0xff;
    }
    tally->sum += sum;
    return ++tally->requests;
}

/* An address from nowhere. */
void wild_write(uintptr_t address, size_t count) {
    volatile uint8_t *to = (volatile uint8_t *)address;
    for (size_t at = 0; at < count; at++) to[at] = 0xee;
}

/* One byte more than it was given. */
void overrun(uint8_t *bytes, size_t count) {
    for (size_t at = 0; at <= count; at++) bytes[at] = 0xee;
}
