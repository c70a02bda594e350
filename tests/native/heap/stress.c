/* stress.c - producers whose blocks only consumers free, by their size; threads
 * that come and go; a thread that asks about addresses and marks; limits that
 * move; domains that are made and unmade; and forks, all at once.
 *
 * usage: stress STEPS | stress race
 * "race" is the control: two threads write the same word of a domain's memory, which
 * ThreadSanitizer must see, or it does not watch that memory at all.
 */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"

#define PAIRS 2
#define RING 256

struct parcel { char *base; size_t bytes, align; };
struct ring {                   /* one producer, one consumer */
    struct parcel parcels[RING];
    _Atomic size_t sent, taken;
};

static mpk_domain *domain;
static struct ring rings[PAIRS];
static _Atomic int producing = PAIRS;
static _Atomic size_t refused;
static long steps;

static void *produce(void *argument) {
    struct ring *ring = argument;
    uint64_t state = (uintptr_t)ring;
    for (long i = 0; i < steps;) {
        size_t sent = atomic_load(&ring->sent);
        if (sent - atomic_load(&ring->taken) == RING)
            continue;
        uint32_t kind = test_random(&state) % 50;
        size_t bytes = test_random(&state) % (kind == 0 ? 400000 : kind < 4 ? 20000 : 500);
        size_t align = kind == 7 ? 4096 : kind == 8 ? 65536 : 8;
        char *base = kind == 9 ? mpk_heap_calloc(domain, bytes, align) : mpk_heap_alloc(domain, bytes, align);
        if (!base) { /* the limit is low just now */
            atomic_fetch_add(&refused, 1);
            continue;
        }
        if (kind == 10) {
            char *moved = mpk_heap_realloc(domain, base, bytes * 2, align);
            if (moved)
                base = moved, bytes *= 2;
        }
        test_fill(base, bytes, (uint32_t)sent);
        ring->parcels[sent % RING] = (struct parcel){base, bytes, align};
        atomic_store(&ring->sent, sent + 1);
        i++;
    }
    atomic_fetch_sub(&producing, 1);
    return NULL;
}

static void *consume(void *argument) {
    struct ring *ring = argument;
    for (;;) {
        size_t taken = atomic_load(&ring->taken);
        if (taken == atomic_load(&ring->sent)) {
            if (!atomic_load(&producing) && taken == atomic_load(&ring->sent))
                return NULL;
            continue;
        }
        struct parcel parcel = ring->parcels[taken % RING];
        CHECK(test_filled(parcel.base, parcel.bytes, parcel.bytes, (uint32_t)taken));
        struct mpk_allocation found;
        CHECK(mpk_heap_find(domain, (uintptr_t)parcel.base + parcel.bytes, &found));
        CHECK(found.base == (uintptr_t)parcel.base && found.bytes == parcel.bytes);
        mpk_heap_free_sized(domain, parcel.base, parcel.bytes, parcel.align);
        atomic_store(&ring->taken, taken + 1);
    }
}

/* Any address may be asked about, at any time. The answer may come of a word that is
 * something else by then (heap_find.c), which ThreadSanitizer calls a race. */
#ifdef __SANITIZE_THREAD__
#define ASKS 0
#else
#define ASKS 1
#endif
static void *ask(void *unused) {
    uint64_t state = 99;
    (void)unused;
    while (ASKS && atomic_load(&producing)) {
        struct mpk_allocation found;
        uintptr_t address = domain->base + ((uintptr_t)test_random(&state) << 3) % domain->bytes;
        if (mpk_heap_find(domain, address, &found))
            CHECK(address - found.base <= found.bytes);
    }
    return NULL;
}

static void *visit(void *unused) {
    void *blocks[100];
    (void)unused;
    for (int i = 0; i < 100; i++)
        blocks[i] = mpk_heap_alloc(domain, (size_t)i * 40, 8);
    for (int i = 0; i < 100; i++)
        mpk_heap_free(domain, blocks[i]);
    return NULL;
}

static void other_domains(void) {
    mpk_domain *other;
    enum mpk_rights previous;
    CHECK(mpk_domain_create(32u << 20, &other) == 0);
    CHECK(mpk_domain_open(other, MPK_READ_WRITE, &previous) == 0);
    CHECK(mpk_heap_alloc(other, 1000, 8) && mpk_heap_alloc(other, 1u << 20, 8));
    CHECK(mpk_domain_close(other, previous) == 0 && mpk_domain_destroy(other) == 0);
}

static void fork_once(void) {
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        CHECK_HEAP(domain);
        visit(NULL);
        CHECK_HEAP(domain);
        _exit(0);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    if (status)
        fprintf(stderr, "the child ended with status %x\n", (unsigned)status);
    CHECK(status == 0);
}

static void *scribble(void *word) {
    for (int i = 0; i < 1000; i++)
        *(volatile int *)word += 1;
    return NULL;
}

static int race(void) {
    pthread_t threads[2];
    void *word = mpk_heap_alloc(domain, 64, 8);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], NULL, scribble, word) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    puts("unseen");
    return 0;
}

int main(int argc, char **argv) {
    pthread_t producers[PAIRS], consumers[PAIRS], asker;
    CHECK(argc == 2);
    domain = test_host();
    if (!strcmp(argv[1], "race"))
        return race();
    steps = strtol(argv[1], NULL, 10);
    for (int i = 0; i < PAIRS; i++) {
        CHECK(pthread_create(&producers[i], NULL, produce, &rings[i]) == 0);
        CHECK(pthread_create(&consumers[i], NULL, consume, &rings[i]) == 0);
    }
    CHECK(pthread_create(&asker, NULL, ask, NULL) == 0);
    for (int round = 0; atomic_load(&producing) || round < 4; round++) {
        pthread_t visitor;
        CHECK(pthread_create(&visitor, NULL, visit, NULL) == 0);
        CHECK(mpk_domain_limit(domain, round % 2 ? 0 : 4u << 20) == 0);
        int line = mpk_heap_check(domain);
        if (line)
            fprintf(stderr, "heap_check.c:%d does not hold\n", line);
        CHECK(!line);
        other_domains();
        if (round < 4)
            fork_once();
        CHECK(pthread_join(visitor, NULL) == 0);
    }
    for (int i = 0; i < PAIRS; i++)
        CHECK(pthread_join(producers[i], NULL) == 0 && pthread_join(consumers[i], NULL) == 0);
    CHECK(pthread_join(asker, NULL) == 0);
    CHECK_HEAP(domain);
    struct mpk_heap_stats stats;
    mpk_heap_statistics(domain, &stats);
    CHECK(stats.live_allocations == 0 && stats.live_bytes == 0);
    printf("ok, refused %zu\n", (size_t)refused);
    return 0;
}
