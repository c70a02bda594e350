/* heap.c - the mpk heap beside the C library's, in one run.
 *
 * Each case does the same work twice, through mpk_heap_* and through malloc,
 * alternating, and keeps each side's fastest round: what is left of noise then
 * hits both alike. Output: one JSON object; ns are per operation (a pair of
 * allocation and release counts as one), ratio is mpk / malloc.
 *
 * Cases: pairs of one size; 64 bytes at a time in bursts of 1000; random churn
 * over a pool; blocks allocated here and freed by another thread; a buffer that
 * grows by realloc; and the 64-byte pair again, once a second thread has been there.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "mpk.h"

#define ROUNDS 60 /* short ones: the fastest of many is what the machine's other work hits least */

static mpk_domain *domain;

struct rival {
    void *(*alloc)(size_t);
    void (*release)(void *);
    void *(*resize)(void *, size_t);
};

static void *mpk_alloc(size_t bytes) { return mpk_heap_alloc(domain, bytes, 8); }
static void mpk_release(void *base) { mpk_heap_free(domain, base); }
static void *mpk_resize(void *base, size_t bytes) { return mpk_heap_realloc(domain, base, bytes, 8); }

static const struct rival rivals[2] = {
    {mpk_alloc, mpk_release, mpk_resize},
    {malloc, free, realloc},
};

static double now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void must(const void *memory) {
    if (!memory) {
        fprintf(stderr, "bench-heap: out of memory\n");
        exit(2);
    }
}

/* Each case returns how many operations it did. */
static size_t pairs(const struct rival *rival, size_t bytes) {
    size_t count = bytes >= 65536 ? 10000 : 100000;
    for (size_t i = 0; i < count; i++) {
        volatile char *block = rival->alloc(bytes);
        must((void *)block);
        block[0] = (char)i; /* the program uses what it asked for */
        rival->release((void *)block);
    }
    return count;
}

static size_t bursts(const struct rival *rival, size_t bytes) {
    static void *blocks[1000];
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 1000; i++)
            must(blocks[i] = rival->alloc(bytes));
        for (int i = 0; i < 1000; i++)
            rival->release(blocks[i]);
    }
    return 50 * 1000;
}

static uint32_t next_random(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

#define POOL 20000
static size_t churn(const struct rival *rival, size_t longest) {
    static void *pool[POOL];
    uint64_t random = 42;
    size_t count = 60000;
    memset(pool, 0, sizeof pool);
    for (size_t i = 0; i < count; i++) {
        uint32_t slot = next_random(&random) % POOL;
        rival->release(pool[slot]);
        must(pool[slot] = rival->alloc(1 + next_random(&random) % longest));
        *(char *)pool[slot] = 1;
    }
    for (size_t i = 0; i < POOL; i++)
        rival->release(pool[i]);
    return count;
}

#define RING 1024
struct channel {
    const struct rival *rival;
    _Atomic(void *) ring[RING];
    size_t count;
};

static void *consume(void *argument) {
    struct channel *channel = argument;
    for (size_t i = 0; i < channel->count; i++) {
        void *block;
        while (!(block = __atomic_exchange_n((void **)&channel->ring[i % RING], NULL, __ATOMIC_ACQUIRE)))
            __builtin_ia32_pause();
        channel->rival->release(block);
    }
    return NULL;
}

static size_t crossing(const struct rival *rival, size_t bytes) {
    static struct channel channel;
    pthread_t thread;
    channel.rival = rival;
    channel.count = 20000;
    if (pthread_create(&thread, NULL, consume, &channel))
        exit(2);
    for (size_t i = 0; i < channel.count; i++) {
        void *block = rival->alloc(bytes);
        must(block);
        while (__atomic_load_n((void **)&channel.ring[i % RING], __ATOMIC_RELAXED))
            __builtin_ia32_pause();
        __atomic_store_n((void **)&channel.ring[i % RING], block, __ATOMIC_RELEASE);
    }
    pthread_join(thread, NULL);
    return channel.count;
}

static size_t growth(const struct rival *rival, size_t longest) {
    size_t count = 0;
    for (int round = 0; round < 4; round++) {
        char *buffer = rival->alloc(16);
        must(buffer);
        for (size_t bytes = 16; bytes < longest; bytes += bytes / 2, count++) {
            must(buffer = rival->resize(buffer, bytes));
            buffer[bytes - 1] = 1;
        }
        rival->release(buffer);
    }
    return count;
}

struct bench {
    const char *name;
    size_t (*work)(const struct rival *, size_t);
    size_t argument;
};
static const struct bench benches[] = {
    {"pair_16", pairs, 16},       {"pair_64", pairs, 64},         {"pair_256", pairs, 256},
    {"pair_1024", pairs, 1024},   {"pair_4096", pairs, 4096},     {"pair_32768", pairs, 32768},
    {"pair_1048576", pairs, 1 << 20}, {"burst_64", bursts, 64},   {"burst_512", bursts, 512},
    {"churn_512", churn, 512},    {"churn_8192", churn, 8192},    {"crossing_64", crossing, 64},
    {"growth_1048576", growth, 1 << 20},
    {"pair_64_threaded", pairs, 64}, /* "crossing" had a second thread: free is atomic from then on */
};

int main(void) {
    int error = 0;
    if (!(domain = mpk_host(&error))) {
        fprintf(stderr, "bench-heap: %s\n", mpk_strerror(error));
        return 2;
    }
    size_t count = sizeof benches / sizeof *benches;
    printf("{\"backend\": \"%s\", \"cases\": [", mpk_backend_name());
    for (size_t i = 0; i < count; i++) {
        double best[2] = {1e30, 1e30};
        for (int round = 0; round < ROUNDS; round++) {
            for (int side = 0; side < 2; side++) {
                double begin = now_ns();
                size_t operations = benches[i].work(&rivals[side], benches[i].argument);
                double each = (now_ns() - begin) / (double)operations;
                best[side] = each < best[side] ? each : best[side];
            }
        }
        printf("%s\n  {\"case\": \"%s\", \"mpk_ns\": %.2f, \"malloc_ns\": %.2f, \"ratio\": %.3f}", i ? "," : "",
               benches[i].name, best[0], best[1], best[0] / best[1]);
        fflush(stdout);
    }
    printf("\n]}\n");
    return mpk_heap_check(domain) ? 1 : 0;
}
