/* check.h - what the test programs of the runtime share.
 *
 * Each program is one process and one verdict: it prints what it saw, exits 0
 * when all checks held, 1 at the first that did not. What must end a process
 * (fatal misuse, abort on a violation) is judged by the Python side.
 */
#ifndef CHECK_H
#define CHECK_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "mpk.h"

#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);   \
            _exit(1);                                                                 \
        }                                                                             \
    } while (0)

/* Opaque to the compiler: an access through it really happens, here. */
static inline volatile char *opaque(const void *pointer) {
    __asm__ volatile("" : "+r"(pointer));
    return (volatile char *)(uintptr_t)pointer;
}

static inline mpk_domain *host_domain(void) {
    int error;
    mpk_domain *host = mpk_host(&error);
    if (!host) fprintf(stderr, "%s\n", mpk_strerror(error));
    CHECK(host);
    return host;
}

static inline int is_pku(void) { return mpk_backend() == MPK_BACKEND_PKU; }

#endif
