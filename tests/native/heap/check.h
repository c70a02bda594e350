/* check.h - what the heap's test programs share: a check that cannot be compiled
 * away, a reproducible random source, and patterns that tell one block from
 * another. Each program ends 0 when all held, 1 at the first that did not. */
#ifndef HEAP_TEST_CHECK_H
#define HEAP_TEST_CHECK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "heap.h"
#include "mpk_heap.h"

#define CHECK(condition)                                                        \
    do {                                                                        \
        if (!(condition)) {                                                     \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);     \
            exit(1);                                                            \
        }                                                                       \
    } while (0)

/* The heap's own invariants; its answer is a line of heap_check.c. */
#define CHECK_HEAP(domain)                                                      \
    do {                                                                        \
        int line_ = _mpk_heap_check_quiet(domain);                              \
        if (line_) {                                                            \
            fprintf(stderr, "%s:%d: heap_check.c:%d does not hold\n", __FILE__, __LINE__, line_); \
            exit(1);                                                            \
        }                                                                       \
    } while (0)

static inline mpk_domain *test_host(void) {
    int error = 0;
    mpk_domain *domain = mpk_host(&error);
    if (!domain) {
        fprintf(stderr, "mpk_host: %s\n", mpk_strerror(error));
        exit(1);
    }
    return domain;
}

static inline uint32_t test_random(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 32);
}

/* Long blocks are sampled: the first and last 256 bytes, and one byte a page. */
static inline void test_fill(void *base, size_t bytes, uint32_t seed) {
    unsigned char *at = base;
    for (size_t i = 0; i < bytes; i += i >= 256 && i + 256 < bytes && i % 4096 ? 4096 - i % 4096 : 1)
        at[i] = (unsigned char)(seed * 31 + i * 7 + (i >> 8));
}

static inline int test_filled(const void *base, size_t bytes, size_t filled, uint32_t seed) {
    const unsigned char *at = base;
    for (size_t i = 0; i < bytes; i++) {
        if (i >= 256 && i + 256 < filled && i % 4096) {
            i += 4096 - i % 4096 - 1;
            continue;
        }
        if (at[i] != (unsigned char)(seed * 31 + i * 7 + (i >> 8)))
            return 0;
    }
    return 1;
}

#endif
