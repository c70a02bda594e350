/* races.c - what two threads may do to the same short block at the same instant.
 *
 * usage: races marks|strangers|frees ROUNDS
 *
 * marks: the owner frees blocks by its plain load and store while a stranger marks
 * them, as a lend of a stale address would. Whoever gets a mark, writes it and still
 * finds it there must be told by the hook of the block's death: each such mark is
 * counted out by a hook call with its number. A mark that is not found again may be
 * told or not, but never twice and never with another block's address.
 * strangers: blocks that others freed come home and are given out once each, also when
 * their owner ends while they are on their way.
 * frees: two threads free the same block at once, which must end the process (with
 * policy abort): in no case may the program get to its end.
 */
#include <pthread.h>
#include "check.h"

#define BLOCKS 64
#define MARKS_MOST 4000000

static mpk_domain *domain;
static _Atomic(char *) blocks[BLOCKS];
static _Atomic int stop;
static long rounds;

/* ---- marks ------------------------------------------------------------------- */

static _Atomic uint8_t told[MARKS_MOST];   /* by number: hook calls */
static uintptr_t marked[MARKS_MOST];       /* by number: the block */
static _Atomic uint32_t numbers = 1;
static _Atomic long kept;                  /* marks that were found again */

static void on_freed(uintptr_t base, size_t bytes, uint32_t mark) {
    CHECK(bytes == 40 && mark < atomic_load(&numbers) && marked[mark] == base);
    CHECK((atomic_fetch_add(&told[mark], 1) & 0x7f) == 0);
}

static void *mark_blocks(void *unused) {
    uint64_t state = 5;
    (void)unused;
    while (!atomic_load(&stop)) {
        char *block = atomic_load(&blocks[test_random(&state) % BLOCKS]); /* may be stale by now */
        struct mpk_allocation found;
        if (!block || !mpk_heap_find(domain, (uintptr_t)block, &found))
            continue;
        uint32_t *mark = mpk_heap_mark(domain, (uintptr_t)block);
        uint32_t number = atomic_load(&numbers), none = 0;
        if (!mark || number == MARKS_MOST - 1)
            continue;
        marked[number] = (uintptr_t)block;
        atomic_store(&numbers, number + 1);
        if (!__atomic_compare_exchange_n(mark, &none, number, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            continue; /* marked before */
        if (mpk_heap_find(domain, (uintptr_t)block, &found) && found.mark == mark &&
            __atomic_load_n(mark, __ATOMIC_SEQ_CST) == number) {
            told[number] |= 0x80; /* must be told in the end */
            atomic_fetch_add(&kept, 1);
        }
    }
    return NULL;
}

static void marks(void) {
    struct mpk_heap_hooks hooks = {on_freed, NULL};
    pthread_t marker;
    uint64_t state = 3;
    mpk_heap_set_hooks(domain, &hooks);
    CHECK(pthread_create(&marker, NULL, mark_blocks, NULL) == 0);
    for (long i = 0; i < rounds || !atomic_load(&kept); i++) { /* the marker may be late */
        /* Fresh spans now and then: the change to UNIT_EXACT is the moment that matters. */
        static char *ballast[2000];
        bool fresh = i % 4096 == 0;
        for (int j = 0; fresh && j < 2000; j++)
            CHECK(ballast[j] = mpk_heap_alloc(domain, 40, 8));
        uint32_t slot = test_random(&state) % BLOCKS;
        char *block = atomic_load(&blocks[slot]);
        mpk_heap_free(domain, block);
        CHECK(block = mpk_heap_alloc(domain, 40, 8));
        atomic_store(&blocks[slot], block);
        for (int j = 0; fresh && j < 2000; j++)
            mpk_heap_free(domain, ballast[j]);
    }
    atomic_store(&stop, 1);
    CHECK(pthread_join(marker, NULL) == 0);
    for (int i = 0; i < BLOCKS; i++)
        mpk_heap_free(domain, blocks[i]);
    for (uint32_t i = 1; i < atomic_load(&numbers); i++)
        CHECK(!(told[i] & 0x80) || (told[i] & 0x7f));
}

/* ---- strangers --------------------------------------------------------------- */

static void *make_blocks(void *unused) {
    (void)unused;
    for (int i = 0; i < BLOCKS; i++) {
        char *block = mpk_heap_alloc(domain, 200, 8);
        CHECK(block);
        memset(block, i, 200);
        atomic_store(&blocks[i], block);
    }
    return NULL; /* ends while its blocks are freed below */
}

static void strangers(void) {
    for (long round = 0; round < rounds; round++) {
        pthread_t maker;
        CHECK(pthread_create(&maker, NULL, make_blocks, NULL) == 0);
        for (int i = 0; i < BLOCKS; i++) {
            char *block;
            while (!(block = atomic_exchange(&blocks[i], NULL)))
                sched_yield();
            for (int j = 0; j < 200; j++)
                CHECK(block[j] == i);
            mpk_heap_free(domain, block);
        }
        CHECK(pthread_join(maker, NULL) == 0);
    }
}

/* ---- frees ------------------------------------------------------------------- */

static pthread_barrier_t together;
static char *shared_block;

static void *free_too(void *unused) {
    (void)unused;
    for (long i = 0; i < rounds; i++) {
        pthread_barrier_wait(&together);
        mpk_heap_free(domain, shared_block);
        pthread_barrier_wait(&together);
    }
    return NULL;
}

static void frees(void) {
    pthread_t other;
    CHECK(pthread_barrier_init(&together, NULL, 2) == 0);
    CHECK(pthread_create(&other, NULL, free_too, NULL) == 0);
    for (long i = 0; i < rounds; i++) {
        CHECK(shared_block = mpk_heap_alloc(domain, 40, 8));
        pthread_barrier_wait(&together);
        mpk_heap_free(domain, shared_block);
        pthread_barrier_wait(&together);
    }
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    rounds = strtol(argv[2], NULL, 10);
    domain = test_host();
    if (!strcmp(argv[1], "marks"))
        marks();
    else if (!strcmp(argv[1], "strangers"))
        strangers();
    else
        frees();
    CHECK_HEAP(domain);
    struct mpk_heap_stats stats;
    mpk_heap_statistics(domain, &stats);
    CHECK(stats.live_allocations == 0);
    puts("ok");
    return 0;
}
