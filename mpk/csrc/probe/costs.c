/* costs.c - what the runtime's steps cost on this machine.
 *
 * Each cost is the median over RUNS runs of a loop; loops are long enough that
 * reading the clock does not count. Medians, because interrupts only ever add.
 *
 * Invariant: PKRU, keys and mappings are afterwards what they were before.
 * Attacker: none (see probe.h).
 * Sources: [SDM 2B RDPKRU, WRPKRU].
 */
#define _GNU_SOURCE
#include "probe.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "mpk.h"
#include "pkru.h"

#define RUNS 11
#define UNAVAILABLE (-1.0)

static double now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* Bare instructions, in asm: the runtime's own accessors verify as well. */
static inline uint32_t rdpkru(void) {
    uint32_t pkru, edx;
    __asm__ volatile("rdpkru" : "=a"(pkru), "=d"(edx) : "c"(0) : "memory");
    return pkru;
}

static inline void wrpkru(uint32_t pkru) {
    __asm__ volatile("77: wrpkru\n\t" PKRU_SITE("galeed_wrpkru_bare") : : "a"(pkru), "c"(0), "d"(0) : "memory");
}

/* Has hardening put UD2 in place of the instruction above (harden_code.c)? */
static bool is_taken_out(void) {
    extern const int32_t __start_galeed_wrpkru_bare[] __attribute__((visibility("hidden")));
    const volatile uint8_t *site = (const uint8_t *)__start_galeed_wrpkru_bare + __start_galeed_wrpkru_bare[0];
    return site[1] == 0x0B;
}

/* What one loop works on. A step returns false when the kernel refuses. */
struct subject {
    void *page;
    int key;
    uint32_t pkru;
};
typedef bool loop(struct subject *subject, int count);

static bool loop_rdpkru(struct subject *subject, int count) {
    for (int i = 0; i < count; i++)
        subject->pkru = rdpkru();
    return true;
}

static bool loop_wrpkru(struct subject *subject, int count) {
    subject->pkru = rdpkru();
    for (int i = 0; i < count; i++)
        wrpkru(subject->pkru);
    return true;
}

static bool loop_getpid(struct subject *subject, int count) {
    (void)subject;
    for (int i = 0; i < count; i++)
        if (syscall(SYS_getpid) < 0)
            return false;
    return true;
}

static bool loop_mprotect(struct subject *subject, int count) {
    for (int i = 0; i < count; i++)
        if (mprotect(subject->page, MPK_PAGE_BYTES, i % 2 ? PROT_READ | PROT_WRITE : PROT_READ) != 0)
            return false;
    return true;
}

static bool loop_pkey_mprotect(struct subject *subject, int count) {
    for (int i = 0; i < count; i++)
        if (pkey_mprotect(subject->page, MPK_PAGE_BYTES, PROT_READ | PROT_WRITE, i % 2 ? 0 : subject->key) != 0)
            return false;
    return true;
}

static bool loop_gate(struct subject *subject, int count) {
    (void)subject;
    char token = 0;
    for (int i = 0; i < count; i++) {
        mpk_gate_enter(&token, "mpk_probe_cost_ns");
        mpk_gate_exit(&token);
    }
    return true;
}

static int by_value(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median_ns(loop *body, struct subject *subject, int count) {
    double runs[RUNS];
    if (!body(subject, count)) /* warm-up */
        return UNAVAILABLE;
    for (int run = 0; run < RUNS; run++) {
        double start = now_ns();
        if (!body(subject, count))
            return UNAVAILABLE;
        runs[run] = (now_ns() - start) / count;
    }
    qsort(runs, RUNS, sizeof runs[0], by_value);
    return runs[RUNS / 2];
}

static double on_page(loop *body, int key) {
    struct subject subject = {.key = key};
    subject.page = mmap(NULL, MPK_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (subject.page == MAP_FAILED)
        return UNAVAILABLE;
    *(volatile char *)subject.page = 1; /* present: page faults are not the question */
    double result = median_ns(body, &subject, 2000);
    munmap(subject.page, MPK_PAGE_BYTES);
    return result;
}

static double pkey_mprotect_ns(void) {
    int key = pkey_alloc(0, 0);
    if (key < 0)
        return UNAVAILABLE;
    double result = on_page(loop_pkey_mprotect, key);
    pkey_free(key); /* its only page is gone */
    return result;
}

static double gate_ns(void) {
    struct subject subject = {0};
    int error = 0;
    if (!mpk_host(&error))
        return UNAVAILABLE;
    /* mprotect: two system calls a gate at least, so fewer rounds do. */
    return median_ns(loop_gate, &subject, mpk_backend() == MPK_BACKEND_PKU ? 100000 : 1000);
}

double mpk_probe_cost_ns(enum mpk_probe_cost what) {
    struct subject subject = {0};
    switch (what) {
    case MPK_PROBE_RDPKRU:
        return mpk_pku_available() ? median_ns(loop_rdpkru, &subject, 100000) : UNAVAILABLE;
    case MPK_PROBE_WRPKRU:
        return mpk_pku_available() && !is_taken_out() ? median_ns(loop_wrpkru, &subject, 100000) : UNAVAILABLE;
    case MPK_PROBE_GETPID:
        return median_ns(loop_getpid, &subject, 20000);
    case MPK_PROBE_MPROTECT:
        return on_page(loop_mprotect, 0);
    case MPK_PROBE_PKEY_MPROTECT:
        return pkey_mprotect_ns();
    case MPK_PROBE_GATE:
        return gate_ns();
    case MPK_PROBE_COSTS:
        break;
    }
    return UNAVAILABLE;
}
