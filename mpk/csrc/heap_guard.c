/* heap_guard.c - inaccessible pages around huge allocations.
 *
 * front guard | allocation | back guard: three spans next to each other. The front
 * one is as long as the alignment asks for, the back one a page.
 *
 * Invariants:
 *  - pages are inaccessible only while their span is SPAN_GUARD, whose tag says how
 *    (enum way). It is so a little before and after, because a fork may come in between: the
 *    child leaves such a span as it is;
 *  - a hardened heap gives no huge allocation without both guards: when the kernel
 *    refuses them, the allocation is refused.
 *
 * Guards by madvise need Linux 6.13 and memory of an ordinary kind, split no mapping
 * and stay when protections change. Otherwise page protection makes them, which
 * costs two mappings an allocation (vm.max_map_count).
 *
 * Attacker: none; the host's own overflows. Foreign code is kept out by rights.
 *
 * Source: [madvise(2)] MADV_GUARD_INSTALL.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include "heap_harden.h"

#ifndef MADV_GUARD_INSTALL /* newer than many C libraries */
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif

enum way { BY_MADVISE, BY_PROTECTION };

static bool guard(struct heap *heap, struct span *span) {
    uintptr_t start = load_start(span);
    size_t bytes = (size_t)span->pages * MPK_PAGE_BYTES;
    atomic_store_explicit(&span->tag, span_tag(SPAN_GUARD, BY_MADVISE), memory_order_release);
    if (!madvise((void *)start, bytes, MADV_GUARD_INSTALL))
        return true;
    atomic_store_explicit(&span->tag, span_tag(SPAN_GUARD, BY_PROTECTION), memory_order_release);
    if (!_mpk_domain_hide(heap->domain, start, bytes))
        return true;
    atomic_store_explicit(&span->tag, span_tag(SPAN_BUSY, 0), memory_order_release);
    return false;
}

/* Frees the span, a guard or not. Pages that stay inaccessible are never reused. */
static void unguard(struct heap *heap, struct span *span) {
    uintptr_t start = load_start(span);
    size_t bytes = (size_t)span->pages * MPK_PAGE_BYTES;
    uint32_t tag = load_tag(span);
    if (span_kind(tag) == SPAN_GUARD) {
        bool gone = span_class(tag) == BY_MADVISE ? madvise((void *)start, bytes, MADV_GUARD_REMOVE) == 0
                                                  : _mpk_domain_show(heap->domain, start, bytes) == 0;
        if (!gone) {
            atomic_store_explicit(&span->tag, span_tag(SPAN_RETIRED, 0), memory_order_release);
            return;
        }
    }
    _mpk_heap_run_free(heap, span);
}

struct span *_mpk_heap_guarded_run(struct heap *heap, size_t pages, size_t align, bool *zero) {
    size_t before = align >> PAGE_SHIFT;
    if (pages > SIZE_MAX - before - 1)
        return NULL;
    struct span *front = _mpk_heap_run_alloc(heap, before + pages + 1, align, zero);
    if (!front)
        return NULL;
    int saved = errno;
    struct span *body = _mpk_heap_run_split(heap, front, before);
    struct span *back = body ? _mpk_heap_run_split(heap, body, pages) : NULL;
    bool done = back && guard(heap, front) && guard(heap, back);
    if (!done) {
        if (back)
            unguard(heap, back);
        unguard(heap, front);
        if (body)
            _mpk_heap_run_free(heap, body);
        body = NULL;
    }
    errno = saved;
    return body;
}

/* The span that ends where this one begins; what of the map is not the heap's is 0. */
static struct span *span_before(const struct heap *heap, const struct span *span) {
    return load_start(span) > heap->base ? span_of(heap, load_start(span) - 1) : NULL;
}

static struct span *span_behind(const struct heap *heap, const struct span *span) {
    uintptr_t end = load_start(span) + (size_t)span->pages * MPK_PAGE_BYTES;
    return end - heap->base < heap->bytes ? span_of(heap, end) : NULL;
}

void _mpk_heap_guarded_free(struct heap *heap, struct span *span) {
    struct span *front = span_before(heap, span), *back = span_behind(heap, span);
    int saved = errno;
    unguard(heap, front);
    unguard(heap, back);
    errno = saved;
    _mpk_heap_run_free(heap, span);
}

/* Each huge allocation has its own two guards, so one neighbour at most lives. */
bool _mpk_heap_guard_find(mpk_domain *domain, uintptr_t address, struct mpk_allocation *out) {
    const struct heap *heap = domain->heap;
    if (!heap || address - heap->base >= heap->bytes)
        return false;
    const struct span *span = span_of(heap, address);
    if (!span || span_kind(load_tag(span)) != SPAN_GUARD || address - load_start(span) >= (size_t)span->pages * MPK_PAGE_BYTES)
        return false;
    const struct span *near[] = {span_before(heap, span), span_behind(heap, span)};
    for (int i = 0; i < 2; i++)
        if (near[i] && near[i] != &heap->metadata && mpk_heap_find(domain, load_start(near[i]), out))
            return true;
    return false;
}
