/* rounds.c - runs one case of cases.c through the mpk heap and its rivals.
 *
 * usage: rounds CASE THREADS ROUNDS [NAME=LIBRARY]...
 *
 * Rivals are glibc and the libraries named, loaded beside it with their symbols
 * to themselves. Each round runs every rival once, so that what else the machine
 * does hits all alike. With one thread the time of a round is what the processor
 * spent on it, with two it is the wall clock's, for the slower of the threads. One
 * case a process: with one thread no other was ever started, so that allocators
 * which go without atomic operations then may do so. The domain stays open.
 *
 * Output: one JSON object, {"case", "threads", "backend", "operations",
 * "ns": {rival: [ns per operation and thread, one for each round]}}. Exit code 3
 * and nothing on stdout: there is no such case with so many threads.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdatomic.h>
#include <time.h>
#include "mpk.h"
#include "rounds.h"

#define RIVALS_MOST 8
#define ROUNDS_MOST 1000
#define WARM_UP 2               /* rounds that are not counted */
#define SPINS 2000

static mpk_domain *domain;

static void *mpk_alloc(size_t bytes) { return mpk_heap_alloc(domain, bytes, 8); }
static void *mpk_zeroed(size_t count, size_t bytes) { return mpk_heap_calloc(domain, count * bytes, 8); }
static void *mpk_resize(void *base, size_t bytes) { return mpk_heap_realloc(domain, base, bytes, 8); }
static void mpk_release(void *base) { mpk_heap_free(domain, base); }

static struct rival rivals[RIVALS_MOST] = {
    {"mpk", mpk_alloc, mpk_zeroed, mpk_resize, mpk_release},
    {"glibc", malloc, calloc, realloc, free},
};
static size_t rival_count = 2;

static struct worker workers[THREADS_MOST];
static const struct bench *bench;
static double elapsed[THREADS_MOST];
static size_t operations[THREADS_MOST];
static const struct rival *_Atomic current; /* of the round that begins; NULL: the end */
static _Atomic uint32_t arrived, phase;

static _Noreturn void fail(const char *what, const char *detail) {
    fprintf(stderr, "heap benchmark: %s: %s\n", what, detail);
    exit(2);
}

_Noreturn void out_of_memory(void) { fail("out of memory", bench->name); }

void meet(const struct worker *worker) {
    uint32_t seen = atomic_load(&phase);
    if (atomic_fetch_add(&arrived, 1) + 1 == worker->threads) {
        atomic_store(&arrived, 0);
        atomic_fetch_add(&phase, 1);
        return;
    }
    for (int spin = 0; atomic_load(&phase) == seen; spin++) {
        if (spin < SPINS)
            __builtin_ia32_pause();
        else
            sched_yield(); /* fewer processors than threads just now */
    }
}

static double now_ns(const struct worker *worker) {
    struct timespec time;
    clock_gettime(worker->threads == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void one_round(struct worker *worker, const struct rival *rival) {
    meet(worker);
    double begin = now_ns(worker);
    operations[worker->number] = bench->work(rival, worker, bench->argument);
    elapsed[worker->number] = now_ns(worker) - begin;
    meet(worker);
}

static void *other_thread(void *argument) {
    struct worker *worker = argument;
    for (;;) {
        meet(worker); /* current is set */
        const struct rival *rival = atomic_load(&current);
        if (!rival)
            return NULL;
        one_round(worker, rival);
    }
}

/* "name=path of a library"; its functions are malloc ..., or mi_malloc ... */
static void load_rival(char *word) {
    char *path = strchr(word, '=');
    if (!path || rival_count == RIVALS_MOST)
        fail("not a rival", word);
    *path++ = 0;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    if (!library)
        fail("cannot load", dlerror());
    struct rival *rival = &rivals[rival_count++];
    const char *prefix = dlsym(library, "mi_malloc") ? "mi_" : "";
    static const char *const names[] = {"malloc", "calloc", "realloc", "free"};
    void *functions[4];
    for (int i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s%s", prefix, names[i]);
        if (!(functions[i] = dlsym(library, name)))
            fail("no such function", name);
    }
    rival->name = word;
    memcpy(&rival->alloc, &functions[0], sizeof(void *));
    memcpy(&rival->zeroed, &functions[1], sizeof(void *));
    memcpy(&rival->resize, &functions[2], sizeof(void *));
    memcpy(&rival->release, &functions[3], sizeof(void *));
}

static double times[RIVALS_MOST][ROUNDS_MOST];

static void measure(uint32_t threads, size_t rounds) {
    for (size_t round = 0; round < rounds + WARM_UP; round++) {
        for (size_t i = 0; i < rival_count; i++) {
            size_t side = (i + round) % rival_count; /* each is first in turn */
            atomic_store(&current, &rivals[side]);
            meet(&workers[0]);
            one_round(&workers[0], &rivals[side]);
            double slowest = elapsed[0];
            for (uint32_t thread = 1; thread < threads; thread++)
                slowest = elapsed[thread] > slowest ? elapsed[thread] : slowest;
            if (round >= WARM_UP)
                times[side][round - WARM_UP] = slowest / (double)operations[0];
        }
    }
}

int main(int argc, char **argv) {
    if (argc < 4)
        fail("usage", "rounds CASE THREADS ROUNDS [NAME=LIBRARY]...");
    for (size_t i = 0; i < bench_count; i++)
        if (!strcmp(benches[i].name, argv[1]))
            bench = &benches[i];
    uint32_t threads = (uint32_t)atoi(argv[2]);
    size_t rounds = (size_t)atol(argv[3]);
    if (!bench || !threads || threads > THREADS_MOST || !rounds || rounds > ROUNDS_MOST)
        fail("no such case", argv[1]);
    if (bench->threads && bench->threads != threads)
        return 3;
    int error = 0;
    if (!(domain = mpk_host(&error)))
        fail("no domain", mpk_strerror(error));
    for (int i = 4; i < argc; i++)
        load_rival(argv[i]);

    pthread_t ids[THREADS_MOST];
    for (uint32_t i = 0; i < threads; i++) {
        workers[i] = (struct worker){.number = i, .threads = threads, .random = i + 1};
        if (!(workers[i].pool = calloc(POOL, sizeof(void *))))
            out_of_memory();
        if (i && pthread_create(&ids[i], NULL, other_thread, &workers[i]))
            fail("no thread", argv[2]);
    }
    measure(threads, rounds);
    atomic_store(&current, NULL);
    meet(&workers[0]);
    for (uint32_t i = 1; i < threads; i++)
        pthread_join(ids[i], NULL);

    printf("{\"case\": \"%s\", \"threads\": %u, \"backend\": \"%s\", \"operations\": %zu, \"ns\": {", bench->name,
           threads, mpk_backend_name(), operations[0]);
    for (size_t side = 0; side < rival_count; side++) {
        printf("%s\"%s\": [", side ? ", " : "", rivals[side].name);
        for (size_t round = 0; round < rounds; round++)
            printf("%s%.3f", round ? ", " : "", times[side][round]);
        printf("]");
    }
    printf("}}\n");
    return mpk_heap_check(domain) ? 1 : 0;
}
