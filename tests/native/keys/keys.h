/* keys.h - what the test programs of virtual keys share.
 *
 * Rights are asked of the kernel: a system call that touches memory honours PKRU
 * and page tables of the calling thread, and says EFAULT where a load would fault.
 * So no fault handler can hide that a thread lacks what it should have.
 */
#ifndef KEYS_H
#define KEYS_H

#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include "../core/check.h"
#include "mpk_keys.h"

#define PAGE 4096
#define RW (PROT_READ | PROT_WRITE)

static inline char *group_of(int vkey, size_t pages, int prot) {
    char *base = mpk_mmap(vkey, NULL, pages * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) fprintf(stderr, "mpk_mmap(%d): %s\n", vkey, mpk_strerror(*mpk_keys_error()));
    CHECK(base != MAP_FAILED);
    return base;
}

static inline int *pipe_of_thread(void) {
    static _Thread_local int ends[2];
    if (!ends[1]) CHECK(pipe(ends) == 0);
    return ends;
}

static inline int can_read(const char *address) {
    int *ends = pipe_of_thread();
    char byte;
    if (write(ends[1], address, 1) != 1) {
        CHECK(errno == EFAULT);
        return 0;
    }
    CHECK(read(ends[0], &byte, 1) == 1);
    return 1;
}

/* Writes back what is there, or x where it cannot be read. */
static inline int can_write(char *address) {
    int *ends = pipe_of_thread();
    char byte = 'x';
    if (can_read(address)) byte = *opaque(address);
    CHECK(write(ends[1], &byte, 1) == 1);
    if (read(ends[0], address, 1) == 1) return 1;
    CHECK(errno == EFAULT && read(ends[0], &byte, 1) == 1);
    return 0;
}

/* 0 nothing, 1 reads, 3 reads and writes */
static inline int rights_on(char *address) { return can_read(address) + 2 * can_write(address); }

static inline struct mpk_keys_stats stats(void) {
    struct mpk_keys_stats now;
    mpk_keys_statistics(&now);
    return now;
}

static inline int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline void spin_until(_Atomic int *flag, int value) {
    while (atomic_load(flag) < value) sched_yield();
}

static inline void start(pthread_t *thread, void *(*body)(void *), void *argument) {
    CHECK(pthread_create(thread, NULL, body, argument) == 0);
}

#endif
