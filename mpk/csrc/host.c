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
#include "sites.h"

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
    mpk_domain *domain = _mpk_started.started ? atomic_load(&MPK_RUNTIME->host) : NULL;
    return domain ? domain : start();
}

/* NULL: the long way. */
static inline mpk_domain *plain(void) {
    if (likely(_mpk_started.plain)) {
        mpk_domain *domain = atomic_load_explicit(&MPK_RUNTIME->host, memory_order_acquire);
        if (likely(domain != NULL)) return domain;
    }
    return NULL;
}

/* The first call of all, or each one with GALEED_SITES. */
static __attribute__((noinline, cold)) void *alloc_told(size_t bytes, size_t align, bool zero) {
    mpk_domain *domain = host();
    void *block = zero ? mpk_heap_calloc(domain, bytes, align) : mpk_heap_alloc(domain, bytes, align);
    _mpk_site_born(block);
    return block;
}

static __attribute__((noinline, cold)) void free_told(void *base, size_t bytes, size_t align, bool sized) {
    mpk_domain *domain = host();
    _mpk_site_dies(base);
    if (sized) mpk_heap_free_sized(domain, base, bytes, align);
    else mpk_heap_free(domain, base);
}

/* One that fails leaves the allocation, with its site, as it was. */
static __attribute__((noinline, cold)) void *realloc_told(void *base, size_t bytes, size_t align) {
    mpk_domain *domain = host();
    _mpk_site_dies(base);
    void *block = mpk_heap_realloc(domain, base, bytes, align);
    _mpk_site_born(block);
    return block;
}

void *mpk_host_alloc(size_t bytes, size_t align) {
    mpk_domain *domain = plain();
    return likely(domain != NULL) ? mpk_heap_alloc(domain, bytes, align) : alloc_told(bytes, align, false);
}

void *mpk_host_calloc(size_t bytes, size_t align) {
    mpk_domain *domain = plain();
    return likely(domain != NULL) ? mpk_heap_calloc(domain, bytes, align) : alloc_told(bytes, align, true);
}

void mpk_host_free(void *base) {
    mpk_domain *domain = plain();
    if (likely(domain != NULL)) mpk_heap_free(domain, base);
    else free_told(base, 0, 0, false);
}

void mpk_host_free_sized(void *base, size_t bytes, size_t align) {
    mpk_domain *domain = plain();
    if (likely(domain != NULL)) mpk_heap_free_sized(domain, base, bytes, align);
    else free_told(base, bytes, align, true);
}

void *mpk_host_realloc(void *base, size_t bytes, size_t align) {
    mpk_domain *domain = plain();
    return likely(domain != NULL) ? mpk_heap_realloc(domain, base, bytes, align) : realloc_told(base, bytes, align);
}
