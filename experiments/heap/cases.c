/* cases.c - the work that the heap and its rivals are compared by.
 *
 * Each block's first byte is written, as a program would; nothing else of it, so
 * that the allocator is what is measured. Sources: churn and passing on after
 * [larson]; the others are the plainest form of a pattern.
 */
#include <stdatomic.h>
#include <string.h>
#include "rounds.h"

static void touch(void *block) { *(volatile char *)block = 1; }

static size_t pairs(const struct rival *rival, struct worker *worker, size_t bytes) {
    (void)worker;
    size_t count = bytes >= 65536 ? 5000 : 50000;
    for (size_t i = 0; i < count; i++) {
        void *block = must(rival->alloc(bytes));
        touch(block);
        rival->release(block);
    }
    return count;
}

static size_t zeroed(const struct rival *rival, struct worker *worker, size_t bytes) {
    (void)worker;
    size_t count = bytes >= 65536 ? 500 : 50000;
    for (size_t i = 0; i < count; i++) {
        void *block = must(rival->zeroed(1, bytes));
        touch(block);
        rival->release(block);
    }
    return count;
}

#define BURST 1000
static size_t bursts(const struct rival *rival, struct worker *worker, size_t bytes) {
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < BURST; i++)
            touch(worker->pool[i] = must(rival->alloc(bytes)));
        for (int i = 0; i < BURST; i++)
            rival->release(worker->pool[i]);
    }
    memset(worker->pool, 0, BURST * sizeof *worker->pool);
    return 50 * BURST;
}

static void replace(const struct rival *rival, void **place, uint64_t *random, size_t longest) {
    rival->release(*place);
    touch(*place = must(rival->alloc(1 + next_random(random) % longest)));
}

static void release_all(const struct rival *rival, void **pool, size_t count) {
    for (size_t i = 0; i < count; i++)
        rival->release(pool[i]);
    memset(pool, 0, count * sizeof *pool);
}

static size_t churn(const struct rival *rival, struct worker *worker, size_t longest) {
    size_t pool = longest > 16384 ? POOL / 100 : POOL, count = 3 * pool;
    for (size_t i = 0; i < count; i++)
        replace(rival, &worker->pool[next_random(&worker->random) % pool], &worker->random, longest);
    release_all(rival, worker->pool, pool);
    return count;
}

/* Threads work on a pool each and pass it on: most blocks die in another thread
 * than the one that they were born in. */
#define PASSED 1000
static size_t larson(const struct rival *rival, struct worker *worker, size_t longest) {
    static void *pools[THREADS_MOST][PASSED];
    size_t count = 0;
    for (uint32_t turn = 0; turn < 8; turn++) {
        void **pool = pools[(worker->number + turn) % worker->threads];
        for (int i = 0; i < 4 * PASSED; i++, count++)
            replace(rival, &pool[next_random(&worker->random) % PASSED], &worker->random, longest);
        meet(worker);
    }
    release_all(rival, pools[worker->number], PASSED);
    return count;
}

/* One thread allocates, the other releases. */
#define RING 1024
#define SENT 20000
static _Atomic(void *) ring[RING];

static size_t crossing(const struct rival *rival, struct worker *worker, size_t bytes) {
    for (size_t i = 0; i < SENT; i++) {
        void *block = worker->number ? NULL : must(rival->alloc(bytes));
        if (block) {
            touch(block);
            while (atomic_load_explicit(&ring[i % RING], memory_order_relaxed))
                __builtin_ia32_pause();
            atomic_store_explicit(&ring[i % RING], block, memory_order_release);
        } else {
            while (!(block = atomic_load_explicit(&ring[i % RING], memory_order_acquire)))
                __builtin_ia32_pause();
            atomic_store_explicit(&ring[i % RING], NULL, memory_order_relaxed);
            rival->release(block);
        }
    }
    return worker->number ? 0 : SENT;
}

static size_t growth(const struct rival *rival, struct worker *worker, size_t longest) {
    (void)worker;
    size_t count = 0;
    for (int round = 0; round < 200; round++) {
        char *buffer = must(rival->alloc(16));
        for (size_t bytes = 16; bytes < longest; bytes += bytes / 2, count++) {
            buffer = must(rival->resize(buffer, bytes));
            buffer[bytes - 1] = 1;
        }
        rival->release(buffer);
    }
    return count;
}

const struct bench benches[] = {
    {"pair_8", pairs, 8, 0},
    {"pair_64", pairs, 64, 0},
    {"pair_512", pairs, 512, 0},
    {"pair_4096", pairs, 4096, 0},
    {"pair_32768", pairs, 32768, 0},
    {"pair_262144", pairs, 262144, 0},
    {"pair_1048576", pairs, 1 << 20, 0},
    {"calloc_64", zeroed, 64, 0},
    {"calloc_65536", zeroed, 65536, 0},
    {"burst_64", bursts, 64, 0},
    {"burst_512", bursts, 512, 0},
    {"churn_512", churn, 512, 0},
    {"churn_8192", churn, 8192, 0},
    {"churn_262144", churn, 262144, 0},
    {"larson_500", larson, 500, 0},
    {"crossing_64", crossing, 64, 2},
    {"crossing_8192", crossing, 8192, 2},
    {"growth_1048576", growth, 1 << 20, 0},
};
const size_t bench_count = sizeof benches / sizeof *benches;
