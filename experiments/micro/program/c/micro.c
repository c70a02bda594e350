/* micro.c - the accesses that are measured: read, write, read-write.
 *
 * micro_*_one: one access in one call, as the original measured it [Galeed].
 * micro_*_many: many accesses in one call, where only the access itself counts.
 * Accesses are volatile, so that each one of the source is one of the machine
 * code: no vector code on one side and scalar code on the other. Assumes that
 * word pointers name MICRO_WORDS words.
 */
#include <stddef.h>
#include <stdint.h>

#define MICRO_WORDS 32 /* of the caller's memory that are used; a power of two */

typedef volatile uint64_t word;

static uint64_t own[MICRO_WORDS];

/* Memory of C itself: never behind a pseudo-pointer. */
uint64_t *micro_own_memory(void) {
    return own;
}

uint64_t micro_read_one(word *words, uint64_t value) {
    (void)value;
    return words[0];
}

uint64_t micro_write_one(word *words, uint64_t value) {
    words[0] = value;
    return value;
}

uint64_t micro_read_write_one(word *words, uint64_t value) {
    uint64_t before = words[0];
    words[0] = value;
    return before;
}

uint64_t micro_read_many(word *words, size_t accesses) {
    uint64_t sum = 0;
    for (size_t i = 0; i < accesses; i++)
        sum += words[i % MICRO_WORDS];
    return sum;
}

uint64_t micro_write_many(word *words, size_t accesses) {
    for (size_t i = 0; i < accesses; i++)
        words[i % MICRO_WORDS] = i;
    return accesses;
}

uint64_t micro_read_write_many(word *words, size_t accesses) {
    for (size_t i = 0; i < accesses; i++)
        words[i % MICRO_WORDS] += i;
    return accesses;
}
