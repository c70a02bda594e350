/* keys.c - libmpk's own figures, on this runtime.
 *
 * Each case is timed beside what libmpk compares it with, in the same process, in
 * alternating rounds; each side keeps its fastest round, so that what is left of
 * noise hits both alike. Output: one JSON object; ns are per operation, x is pages
 * or threads, rival_ns is 0 where there is nothing to compare with.
 *
 * Source: [libmpk] for the cases.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "mpk.h"
#include "mpk_keys.h"
#include "../gates/pace.h"
#include "pkru.h"

#define ROUNDS 30
#define PAGE ((size_t)MPK_PAGE_BYTES)
#define RW (PROT_READ | PROT_WRITE)
#define MISS_GROUPS 64 /* in turn: each is gone again when its turn comes */
#define THREADS_MOST 32

static void must(int error, const char *what) {
    if (!error) return;
    fprintf(stderr, "%s: %s\n", what, mpk_strerror(error));
    exit(1);
}

static char *map_group(int vkey, size_t pages) {
    char *base = mpk_mmap(vkey, NULL, pages * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) must(*mpk_keys_error(), "mpk_mmap");
    must(mpk_begin(vkey, RW), "mpk_begin");
    memset(base, 1, pages * PAGE); /* pages are there */
    must(mpk_end(vkey), "mpk_end");
    return base;
}

/* ---- One operation of each kind. `turn` counts up. --------------------------- */

static char *raw;
static size_t raw_bytes;
static int group;

static void hit(int turn) {
    (void)turn;
    must(mpk_begin(group, RW) | mpk_end(group), "hit");
}
static void two_writes(int turn) {
    (void)turn;
    if (mpk_backend() == MPK_BACKEND_PKU) {
        uint32_t rights = pkru_read();
        pkru_write_unchecked(rights);
        pkru_write_unchecked(rights);
    } else {
        mprotect(raw, raw_bytes, RW);
        mprotect(raw, raw_bytes, PROT_NONE);
    }
}
static void miss(int turn) {
    int vkey = 1000 + turn % MISS_GROUPS;
    must(mpk_begin(vkey, RW) | mpk_end(vkey), "miss");
}
static void rights(int turn) { must(mpk_mprotect(group, turn & 1 ? PROT_READ : RW), "mpk_mprotect"); }
static void page_rights(int turn) { mprotect(raw, raw_bytes, turn & 1 ? PROT_READ : RW); }
static void pair(int turn) {
    (void)turn;
    must(mpk_free(group, mpk_malloc(group, 64)), "mpk_free");
}
static void libc_pair(int turn) {
    (void)turn;
    void *block = malloc(64);
    __asm__ volatile("" : "+r"(block) : : "memory");
    free(block);
}

static double fastest(void (*operation)(int), int count, double so_far) {
    double began = now_ns();
    for (int i = 0; i < count; i++) operation(i);
    double each = (now_ns() - began) / count;
    return so_far == 0 || each < so_far ? each : so_far;
}

static int written;
static void compare(const char *name, int x, int count, void (*ours)(int), void (*rival)(int)) {
    double our_ns = 0, rival_ns = 0;
    for (int round = 0; round < ROUNDS; round++) {
        our_ns = fastest(ours, count, our_ns);
        if (rival) rival_ns = fastest(rival, count, rival_ns);
    }
    printf("%s{\"case\": \"%s\", \"x\": %d, \"ns\": %.1f, \"rival_ns\": %.1f}", written++ ? ", " : "", name, x, our_ns,
           rival_ns);
}

/* ---- The cases. --------------------------------------------------------------- */

static void protect_cases(void) {
    for (int pages = 1; pages <= 1000; pages *= 10) {
        group = 100 + pages;
        map_group(group, (size_t)pages);
        raw_bytes = (size_t)pages * PAGE;
        raw = mmap(NULL, raw_bytes, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (raw == MAP_FAILED) must(MPK_ENOMEM, "mmap");
        memset(raw, 1, raw_bytes);
        compare("mprotect", pages, 100, rights, page_rights);
        must(mpk_munmap(group), "mpk_munmap");
        munmap(raw, raw_bytes);
    }
}

static int leave[2];
static _Atomic int awake;
static void *sleeps(void *unused) {
    char byte;
    awake++; /* before, the C library may have every signal blocked */
    while (read(leave[0], &byte, 1) < 0) continue; /* our signal may interrupt it */
    return unused;
}

/* The group is begun, so that nothing but a signal to each thread tells them. */
static void sync_cases(void) {
    pthread_t threads[THREADS_MOST];
    int running = 0;
    if (pipe(leave)) exit(1);
    group = 5;
    map_group(group, 1);
    must(mpk_begin(group, RW), "mpk_begin");
    for (int count = 1; count <= THREADS_MOST; count = count == 8 ? 10 : count == 10 ? 16 : count * 2) {
        for (; running < count; running++)
            if (pthread_create(&threads[running], NULL, sleeps, NULL)) exit(1);
        while (awake < running) sched_yield();
        compare("sync", count, 10, rights, NULL);
    }
    must(mpk_end(group), "mpk_end");
    close(leave[1]);
    while (running > 0) pthread_join(threads[--running], NULL);
}

int main(void) {
    must(mpk_init(-1), "mpk_init");
    printf("{\"cycles_per_ns\": %.3f, \"series\": [", cycles_per_ns());
    group = 1;
    map_group(group, 1);
    raw_bytes = PAGE;
    raw = mmap(NULL, raw_bytes, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (raw == MAP_FAILED) must(MPK_ENOMEM, "mmap");
    compare("hit", 1, 1000, hit, two_writes);
    for (int i = 0; i < MISS_GROUPS; i++) map_group(1000 + i, 1);
    compare("miss", 1, MISS_GROUPS * 4, miss, NULL);
    group = 2;
    map_group(group, 16);
    must(mpk_begin(group, RW), "mpk_begin");
    compare("malloc", 1, 1000, pair, libc_pair);
    must(mpk_end(group), "mpk_end");
    protect_cases();
    if (mpk_backend() == MPK_BACKEND_PKU) sync_cases();
    struct mpk_keys_stats now;
    mpk_keys_statistics(&now);
    printf("], \"syncs\": %lu, \"fallbacks\": %lu}\n", (unsigned long)now.syncs, (unsigned long)now.fallbacks);
    return 0;
}
