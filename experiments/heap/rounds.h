/* rounds.h - what the heap's rivals are, and a case that each of them runs.
 *
 * A case does the same work through any rival: `work` is called by every thread
 * at once and returns how many operations it did. A pair of allocation and
 * release counts as one operation.
 */
#ifndef GALEED_LAB_HEAP_ROUNDS_H
#define GALEED_LAB_HEAP_ROUNDS_H

#include <stddef.h>
#include <stdint.h>

#define THREADS_MOST 2

struct rival {
    const char *name;
    void *(*alloc)(size_t);
    void *(*zeroed)(size_t, size_t);
    void *(*resize)(void *, size_t);
    void (*release)(void *);
};

struct worker {                 /* one thread of a round; lives as long as the process */
    uint32_t number, threads;
    uint64_t random;
    void **pool;                /* POOL pointers of its own, all NULL between rounds */
};

struct bench {
    const char *name;
    size_t (*work)(const struct rival *rival, struct worker *worker, size_t argument);
    size_t argument;
    uint32_t threads;           /* 0: the case can be run by one or by two */
};

#define POOL 20000

extern const struct bench benches[];
extern const size_t bench_count;

/* All threads of the round meet here. */
void meet(const struct worker *worker);
_Noreturn void out_of_memory(void);

static inline void *must(void *memory) {
    if (!memory)
        out_of_memory();
    return memory;
}

static inline uint32_t next_random(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

#endif
