/* host.c - the host domain's allocation entry points, for a language's global
 * allocator and nobody else.
 *
 * They are apart from mpk_heap_* for one reason: a program whose global allocator
 * is ours contains these symbols, and a driver can tell by them. So nothing else
 * in the runtime may call them.
 *
 * The first call starts the runtime. A global allocator has no way to return a
 * reason, and memory outside the domain would be an unguarded heap: a start that
 * fails says why on stderr and ends the process with status 2.
 */
#include <string.h>
#include <unistd.h>
#include "prim.h"
#include "record.h"

static __attribute__((noinline, cold)) mpk_domain *start(void) {
    int error;
    mpk_domain *host = mpk_host(&error);
    if (host) return host;
    const char *why = mpk_strerror(error);
    static const char prefix[] = "galeed: the runtime cannot start: ";
    (void)!write(STDERR_FILENO, prefix, sizeof prefix - 1);
    (void)!write(STDERR_FILENO, why, strlen(why));
    (void)!write(STDERR_FILENO, "\n", 1);
    _exit(2);
}

static inline mpk_domain *host(void) {
    if (likely(_mpk_started.started)) {
        mpk_domain *domain = atomic_load_explicit(&MPK_RUNTIME->host, memory_order_acquire);
        if (likely(domain != NULL)) return domain;
    }
    return start();
}

void *mpk_host_alloc(size_t bytes, size_t align) { return mpk_heap_alloc(host(), bytes, align); }
void *mpk_host_calloc(size_t bytes, size_t align) { return mpk_heap_calloc(host(), bytes, align); }
void mpk_host_free(void *base) { mpk_heap_free(host(), base); }
void mpk_host_free_sized(void *base, size_t bytes, size_t align) {
    mpk_heap_free_sized(host(), base, bytes, align);
}
void *mpk_host_realloc(void *base, size_t bytes, size_t align) {
    return mpk_heap_realloc(host(), base, bytes, align);
}
