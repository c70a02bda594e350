/* heap_large.c - allocations that own their pages, and their opening to foreign
 * code.
 *
 * A request of n bytes gets n / MPK_PAGE_BYTES + 1 pages: when n is an exact
 * multiple, the last page is only slack, an address that one-past-the-end may
 * have, and is never touched.
 *
 * Invariants:
 *  - the tag is SPAN_LARGE exactly while the allocation is live; whoever changes
 *    it to SPAN_BUSY (one compare-and-swap) frees it, everybody else is refused;
 *  - shared_pages pages from start are open to foreign code; they are taken back
 *    before any of them can be part of a free run. When the kernel refuses, the
 *    run is retired for ever instead.
 *
 * Attacker: foreign code reads and writes shared pages whenever it likes, up to
 * the moment when they are taken back; nothing in them is trusted. What the host
 * left in the last page behind the allocation's end is wiped before it is shared.
 * ASSUMES: what lies *inside* the bounds may be seen by foreign code, also those
 * bytes that the host has not written yet.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include "heap_debug.h"
#include "heap_harden.h"
#include "heap_refuse.h"

#define GROWTH_MOST 1024 /* pages */

static struct span *new_run(struct heap *heap, size_t bytes, size_t align, bool *is_zero) {
    size_t pages = large_pages(bytes);
    bool guarded = (heap->parts & MPK_HEAP_GUARDS) && bytes >= MPK_HEAP_HUGE_BYTES;
    struct span *(*make)(struct heap *, size_t, size_t, bool *) =
        guarded ? _mpk_heap_guarded_run : _mpk_heap_run_alloc;
    struct cache *cache = align <= MPK_PAGE_BYTES && !guarded ? own_cache(heap) : NULL;
    struct span *span = cache ? _mpk_heap_cached_run(cache, pages) : NULL;
    *is_zero = false;
    if (align < MPK_PAGE_BYTES)
        align = MPK_PAGE_BYTES;
    if (!span && !(span = make(heap, pages, align, is_zero))) {
        _mpk_heap_reclaim(heap);
        span = make(heap, pages, align, is_zero);
    }
    HEAP_ASSERT(!span || (span_kind(load_tag(span)) == SPAN_BUSY && span->pages >= pages));
    HEAP_ASSERT(!span || unit_of(heap, load_start(span)) == 0);
    if (span)
        __atomic_store_n(&span->large.guarded, guarded, __ATOMIC_RELAXED); /* mpk_heap_check reads beside us */
    return span;
}

static void *begin(struct span *span, size_t bytes) {
    atomic_store_explicit(&span->large.bytes, bytes, memory_order_relaxed);
    span->large.mark = 0;
    span->large.grown = 0;
    atomic_store_explicit(&span->large.marked, 0, memory_order_relaxed);
    atomic_store_explicit(&span->large.shared_pages, 0, memory_order_relaxed);
    atomic_store_explicit(&span->tag, span_tag(SPAN_LARGE, 0), memory_order_release);
    return (void *)load_start(span);
}

/* Not under a limit, for what is ahead of need cannot be reclaimed; and not with parts
 * of hardening, which have their own ways with runs. */
void *_mpk_heap_large_ahead(struct heap *heap, size_t bytes) {
    size_t pages = large_pages(bytes);
    struct cache *cache;
    struct span *span;
    if (heap->parts || pages > RUN_CACHE_LONGEST ||
        __atomic_load_n(&heap->limit_pages, __ATOMIC_RELAXED) != SIZE_MAX || !(cache = own_cache(heap)) ||
        (bytes <= SMALL_MAX && !cache->growing) || !(span = _mpk_heap_run_ahead(cache, pages)))
        return NULL;
    cache->growing = 0; /* one buffer is believed to go the way of the last one, not all */
    __atomic_store_n(&span->large.guarded, 0, __ATOMIC_RELAXED);
    void *base = begin(span, bytes);
    span->large.grown = 1;
    return base;
}

static bool is_zero_page(const char *page) {
    const uint64_t (*line)[8] = (const uint64_t (*)[8])page;
    for (size_t i = 0; i < MPK_PAGE_BYTES / sizeof *line; i++)
        if (line[i][0] | line[i][1] | line[i][2] | line[i][3] | line[i][4] | line[i][5] | line[i][6] | line[i][7])
            return false;
    return true;
}

/* Only reads what is zero already: half the price, and a page that was never touched
 * stays the kernel's. One that was used mostly shows it in its first line. */
static void wipe(char *base, size_t bytes) {
    for (size_t at = 0, end; at < bytes; at = end) {
        end = at + MPK_PAGE_BYTES;
        if (is_zero_page(base + at))
            continue;
        while (end < bytes && *(const uint64_t *)(base + end))
            end += MPK_PAGE_BYTES;
        memset(base + at, 0, end - at);
    }
}

void *_mpk_heap_large_alloc(struct heap *heap, size_t bytes, size_t align, bool zero) {
    if (bytes >= heap->bytes || align >= heap->bytes)
        return NULL;
    bool is_zero;
    struct span *span = new_run(heap, bytes, align, &is_zero);
    if (!span)
        return NULL;
    void *base = (void *)load_start(span);
    if (zero && !is_zero) {
        int saved = errno;
        if (bytes < ZERO_BY_KERNEL_BYTES ||
            madvise(base, data_pages(bytes) * MPK_PAGE_BYTES, MADV_DONTNEED))
            wipe(base, data_pages(bytes) * MPK_PAGE_BYTES);
        errno = saved;
    }
    atomic_store_explicit(&span->large.ahead, 0, memory_order_relaxed);
    return begin(span, bytes);
}

/* Waits for a share that has begun: after it none can begin, by the tag. Without
 * span->sharing none has: whoever shares sets that before it looks at the tag. false:
 * the pages could not be taken back. */
static bool take_back(struct heap *heap, struct span *span) {
    heap_lock(&heap->share);
    size_t shared = atomic_load_explicit(&span->large.shared_pages, memory_order_relaxed);
    bool done = !shared ||
                _mpk_domain_unshare(heap->domain, load_start(span), shared * MPK_PAGE_BYTES) == 0;
    atomic_store_explicit(&span->sharing, 0, memory_order_relaxed);
    heap_unlock(&heap->share);
    return done;
}

void _mpk_heap_large_free(struct heap *heap, struct span *span) {
    uintptr_t base = load_start(span);
    uint32_t expected = span_tag(SPAN_LARGE, 0);
    if (!atomic_compare_exchange_strong(&span->tag, &expected, span_tag(SPAN_BUSY, 0))) {
        _mpk_heap_refuse(heap, (void *)base, MPK_ACCESS_FREE, SIZE_ANY);
        return;
    }
    size_t bytes = atomic_load_explicit(&span->large.bytes, memory_order_relaxed);
    HEAP_ASSERT(large_pages(bytes) <= span->pages && span_of(heap, base + bytes) == span);
    if (atomic_load(&span->large.marked)) {
        uint32_t mark = __atomic_load_n(&span->large.mark, __ATOMIC_SEQ_CST);
        if (mark && heap->domain->hooks.freed)
            heap->domain->hooks.freed(base, bytes, mark);
    }
    _mpk_heap_ahead_end(heap, span);
    struct cache *cache;
    if (atomic_load(&span->sharing) && !take_back(heap, span))
        atomic_store_explicit(&span->tag, span_tag(SPAN_RETIRED, 0), memory_order_release);
    else if (UNLIKELY(heap->parts))
        _mpk_heap_hold_run(heap, own_cache(heap), span);
    else {
        uint32_t grown = span->large.grown;
        cache = own_cache(heap);
        if (cache && grown)
            cache->growing = bytes > SMALL_MAX;
        if (!cache || !_mpk_heap_cache_run(heap, cache, span))
            _mpk_heap_run_free(heap, span);
    }
}

int mpk_heap_share(mpk_domain *domain, uintptr_t base) {
    struct heap *heap = domain->heap;
    struct span *span = base - heap->base < heap->bytes ? span_of(heap, base) : NULL;
    if (!span)
        return MPK_EINVALID;
    int error = MPK_EINVALID;
    heap_lock(&heap->share);
    atomic_store(&span->sharing, 1); /* before the look at the tag: _mpk_heap_large_free has the other order */
    if (span_kind(load_tag(span)) == SPAN_LARGE && load_start(span) == base) {
        size_t bytes = atomic_load_explicit(&span->large.bytes, memory_order_relaxed);
        size_t pages = data_pages(bytes);
        error = MPK_OK;
        if (!atomic_load_explicit(&span->large.shared_pages, memory_order_relaxed)) {
            memset((void *)(base + bytes), 0, pages * MPK_PAGE_BYTES - bytes);
            error = _mpk_domain_share(domain, base, pages * MPK_PAGE_BYTES);
            if (!error)
                atomic_store_explicit(&span->large.shared_pages, (uint32_t)pages, memory_order_relaxed);
        }
    }
    heap_unlock(&heap->share);
    return error;
}

void _mpk_heap_large_resized(struct heap *heap, struct span *span, size_t old, size_t bytes) {
    atomic_thread_fence(memory_order_seq_cst);
    if (old != bytes && atomic_load(&span->large.marked)) {
        uint32_t mark = __atomic_load_n(&span->large.mark, __ATOMIC_SEQ_CST);
        if (mark && heap->domain->hooks.resized)
            heap->domain->hooks.resized(load_start(span), old, bytes, mark);
    }
}

/* Closes the shared pages from the first `keep` on. false: the kernel refused. */
static bool unshare_tail(struct heap *heap, struct span *span, size_t keep) {
    bool done = true;
    heap_lock(&heap->share);
    size_t shared = atomic_load_explicit(&span->large.shared_pages, memory_order_relaxed);
    if (shared > keep) {
        done = _mpk_domain_unshare(heap->domain, load_start(span) + keep * MPK_PAGE_BYTES,
                                   (shared - keep) * MPK_PAGE_BYTES) == 0;
        if (done)
            atomic_store_explicit(&span->large.shared_pages, (uint32_t)keep, memory_order_relaxed);
    }
    heap_unlock(&heap->share);
    return done;
}

/* What grows once grows again: pages in advance, which nobody touches before. */
static size_t growth_slack(size_t pages) { return pages < GROWTH_MOST ? pages : GROWTH_MOST; }

bool _mpk_heap_large_resize(struct heap *heap, struct span *span, size_t bytes) {
    if (bytes >= heap->bytes)
        return false;
    size_t pages = large_pages(bytes);
    bool huge = (heap->parts & MPK_HEAP_GUARDS) && bytes >= MPK_HEAP_HUGE_BYTES;
    if (span->large.guarded ? pages != span->pages : huge)
        return false; /* guards don't move, and don't come later */
    size_t shared = atomic_load_explicit(&span->large.shared_pages, memory_order_relaxed);
    /* New pages under old leases would show foreign code what was in them. */
    if (shared && data_pages(bytes) > shared)
        return false;
    if (pages > span->pages) {
        if (!_mpk_heap_run_extend(heap, span, pages + growth_slack(pages)) &&
            !_mpk_heap_run_extend(heap, span, pages))
            return false;
        _mpk_heap_ahead_end(heap, span);
        span->large.grown = 1;
    }
    bool shrinks = pages < large_pages(atomic_load_explicit(&span->large.bytes, memory_order_relaxed));
    large_set_bytes(heap, span, bytes);
    if (shrinks && unshare_tail(heap, span, data_pages(bytes)) && _mpk_heap_run_trim(heap, span, pages))
        _mpk_heap_ahead_end(heap, span);
    return true;
}
