/* heap_pages.c - runs of pages: bins of free runs, splitting and coalescing
 * through the page map, growth of the domain, memory given back, and the
 * metadata memory that descriptors are cut from.
 *
 * Invariants, under heap->pages:
 *  - [low, high) is tiled by spans and metadata pages, and is what of the
 *    domain is committed from the end of the unit map on;
 *  - no two free runs touch; a free run of n pages is in bin _mpk_heap_bin(n);
 *  - dirty == 0 means that every byte of the run is zero.
 * No function here calls out while the lock is held, but to the kernel.
 *
 * Attacker: none of this is in reach; a run that foreign code may still touch
 * is never handed to _mpk_heap_run_free (heap_large.c sees to that).
 *
 * Exhaustion leaves everything as it was: descriptors that an operation may need
 * are put aside before it changes anything.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include "heap_debug.h"

#define RESERVE_SPANS 4          /* a split in three and a grown piece */
#define PURGE_RUN_PAGES 16       /* shorter runs are not worth a call */
#define PURGE_PAGES_MIN 4096     /* 16 MiB may lie around dirty */
#define ALIGNED_LOOKS 4          /* at runs of one length, for one that is aligned */
#define PURGE_EVERY_MS 100       /* and more, while it was given back so lately */

static void bin_push(struct heap *heap, struct span *span) {
    uint32_t bin = _mpk_heap_bin(span->pages);
    span->prev = NULL;
    span->next = heap->bins[bin];
    if (span->next)
        span->next->prev = span;
    heap->bins[bin] = span;
    heap->bin_map[bin / 64] |= 1ull << bin % 64;
    heap->free_pages += span->pages;
    heap->dirty_pages += span->free.dirty;
}

static void bin_remove(struct heap *heap, struct span *span) {
    uint32_t bin = _mpk_heap_bin(span->pages);
    HEAP_ASSERT(span_kind(load_tag(span)) == SPAN_FREE && heap->free_pages >= span->pages);
    HEAP_ASSERT(span->prev ? span->prev->next == span : heap->bins[bin] == span);
    if (span->next)
        span->next->prev = span->prev;
    if (span->prev)
        span->prev->next = span->next;
    else if (!(heap->bins[bin] = span->next))
        heap->bin_map[bin / 64] &= ~(1ull << bin % 64);
    heap->free_pages -= span->pages;
    heap->dirty_pages -= span->free.dirty;
}

static void map_set(struct heap *heap, uintptr_t start, size_t pages, const struct span *span) {
    uint32_t unit = (uint32_t)(((uintptr_t)span - heap->base) / SPAN_BYTES);
    size_t first = (start - heap->base) >> PAGE_SHIFT;
    for (size_t i = 0; i < pages; i++)
        atomic_store_explicit(&heap->map[first + i], unit, memory_order_relaxed);
}

static void span_set(struct span *span, uintptr_t start, size_t pages, enum span_kind kind) {
    atomic_store_explicit(&span->start, start, memory_order_relaxed);
    span->pages = (uint32_t)pages;
    atomic_store_explicit(&span->tag, span_tag(kind, 0), memory_order_release);
}

static void spare_push(struct heap *heap, struct span *span) {
    atomic_store_explicit(&span->tag, SPAN_SPARE, memory_order_release);
    span->next = heap->spare;
    heap->spare = span;
    heap->spares++;
}

/* pre: heap->spares > 0. */
static struct span *spare_pop(struct heap *heap) {
    struct span *span = heap->spare;
    heap->spare = span->next;
    heap->spares--;
    return span;
}

/* The free run that ends or begins at the page of address, or NULL. */
static struct span *free_neighbour(struct heap *heap, uintptr_t address) {
    if (address < heap->low || address >= heap->high)
        return NULL;
    struct span *span = span_of(heap, address);
    return span && span_kind(load_tag(span)) == SPAN_FREE ? span : NULL;
}

/* Puts the run that span describes among the free ones, joined with what is free
 * on either side. */
static void insert_free(struct heap *heap, struct span *span, uint32_t dirty) {
    uintptr_t start = load_start(span);
    size_t pages = span->pages;
    struct span *before = free_neighbour(heap, start - MPK_PAGE_BYTES);
    struct span *after = free_neighbour(heap, start + pages * MPK_PAGE_BYTES);
    if (before) {
        bin_remove(heap, before);
        start = load_start(before);
        pages += before->pages;
        dirty += before->free.dirty;
        spare_push(heap, before);
    }
    if (after) {
        bin_remove(heap, after);
        pages += after->pages;
        dirty += after->free.dirty;
        spare_push(heap, after);
    }
    span_set(span, start, pages, SPAN_FREE);
    span->free.dirty = dirty;
    map_set(heap, start, 1, span);
    map_set(heap, start + (pages - 1) * MPK_PAGE_BYTES, 1, span);
    bin_push(heap, span);
}

/* Turns what is left of the bump into spare descriptors, at most `most` in all. */
static void make_spares(struct heap *heap, uint32_t most) {
    while (heap->spares < most && heap->bump + SPAN_BYTES <= heap->bump_end) {
        struct span *span = (struct span *)heap->bump;
        heap->bump += SPAN_BYTES;
        spare_push(heap, span);
    }
}

/* Gives the metadata cutter the pages [start, start + pages), which are zero. */
static void metadata_add(struct heap *heap, uintptr_t start, size_t pages) {
    make_spares(heap, UINT32_MAX);
    map_set(heap, start, pages, &heap->metadata);
    heap->metadata_pages += pages;
    heap->bump = start;
    heap->bump_end = start + pages * MPK_PAGE_BYTES;
}

/* Commits more of the domain (domain.c chooses the steps), so that it ends with a
 * free run of `pages`. Part of it becomes metadata when there is not one spare
 * descriptor. */
static bool grow(struct heap *heap, size_t pages) {
    mpk_domain *domain = heap->domain;
    uintptr_t start = heap->high;
    struct span *before = free_neighbour(heap, start - MPK_PAGE_BYTES);
    make_spares(heap, RESERVE_SPANS);
    bool starved = heap->spares == 0;
    size_t need = starved ? pages + METADATA_PAGES : before && before->pages < pages ? pages - before->pages : pages;
    size_t room = (heap->base + heap->bytes - start) >> PAGE_SHIFT;
    int saved = errno;
    if (need > room || _mpk_domain_commit(domain, start - heap->base + need * MPK_PAGE_BYTES)) {
        errno = saved;
        return false;
    }
    errno = saved;
    heap->high = heap->base + domain->committed;
    if (starved) {
        metadata_add(heap, start, METADATA_PAGES);
        start += METADATA_PAGES * MPK_PAGE_BYTES;
        make_spares(heap, RESERVE_SPANS);
    }
    struct span *span = spare_pop(heap);
    span_set(span, start, (heap->high - start) >> PAGE_SHIFT, SPAN_BUSY);
    insert_free(heap, span, 0);
    return true;
}

static bool within_limit(const struct heap *heap, size_t pages) {
    size_t used = used_pages(heap);
    return used <= heap->limit_pages && pages <= heap->limit_pages - used;
}

/* The free run to cut `pages` from: the shortest bin that can serve it. */
static struct span *find_run(const struct heap *heap, size_t pages) {
    uint32_t bin = _mpk_heap_bin(pages);
    if (bin >= EXACT_BINS) { /* runs of one such bin differ in length */
        for (struct span *span = heap->bins[bin]; span; span = span->next)
            if (span->pages >= pages)
                return span;
        bin++;
    }
    for (uint32_t word = bin / 64; word < sizeof heap->bin_map / sizeof *heap->bin_map; word++) {
        uint64_t bits = heap->bin_map[word];
        if (word == bin / 64)
            bits &= ~0ull << bin % 64;
        if (bits)
            return heap->bins[word * 64 + (uint32_t)__builtin_ctzl(bits)];
    }
    return NULL;
}

static struct span *find_or_grow(struct heap *heap, size_t pages) {
    struct span *span = find_run(heap, pages);
    return span || !grow(heap, pages) ? span : find_run(heap, pages);
}

/* A free run that has the aligned pages though it is short of pages and the most that
 * alignment can waste: what a small span leaves behind is one. */
static struct span *find_aligned(const struct heap *heap, size_t pages, size_t align) {
    if (pages > EXACT_BINS)
        return NULL;
    for (uint32_t bin = _mpk_heap_bin(pages); bin < EXACT_BINS; bin++) {
        struct span *span = heap->bins[bin];
        for (int looks = ALIGNED_LOOKS; span && looks; span = span->next, looks--) {
            uintptr_t start = load_start(span), wasted = (0 - start) & (align - 1);
            if (wasted + pages * MPK_PAGE_BYTES <= (size_t)span->pages * MPK_PAGE_BYTES)
                return span;
        }
    }
    return NULL;
}

/* Takes the first pages of the free run, which are then no span's: needs no descriptor. */
static void take_front(struct heap *heap, struct span *span, size_t pages) {
    bin_remove(heap, span);
    if (span->pages == pages) {
        spare_push(heap, span);
        return;
    }
    uint32_t left = span->pages - (uint32_t)pages;
    span_set(span, load_start(span) + pages * MPK_PAGE_BYTES, left, SPAN_FREE);
    span->free.dirty = span->free.dirty < left ? span->free.dirty : left;
    map_set(heap, load_start(span), 1, span);
    bin_push(heap, span);
}

/* Memory for the cutter. */
static bool metadata_refill(struct heap *heap, size_t pages) {
    struct span *span = within_limit(heap, pages) ? find_or_grow(heap, pages) : NULL;
    if (!span)
        return false;
    if (heap->bump_end - heap->bump >= pages * MPK_PAGE_BYTES)
        return true; /* growth had to take some first */
    uintptr_t start = load_start(span);
    bool dirty = span->free.dirty != 0;
    take_front(heap, span, pages);
    if (dirty)
        memset((void *)start, 0, pages * MPK_PAGE_BYTES);
    metadata_add(heap, start, pages);
    return true;
}

static bool reserve_spares(struct heap *heap) {
    make_spares(heap, RESERVE_SPANS);
    if (heap->spares < RESERVE_SPANS && metadata_refill(heap, METADATA_PAGES))
        make_spares(heap, RESERVE_SPANS);
    return heap->spares >= RESERVE_SPANS;
}

void *_mpk_heap_metadata(struct heap *heap, size_t bytes) {
    bytes = (bytes + SPAN_BYTES - 1) & ~(size_t)(SPAN_BYTES - 1);
    heap_lock(&heap->pages);
    void *memory = NULL;
    size_t pages = (bytes + MPK_PAGE_BYTES - 1) >> PAGE_SHIFT;
    if (heap->bump_end - heap->bump >= bytes ||
        metadata_refill(heap, pages > METADATA_PAGES ? pages : METADATA_PAGES)) {
        memory = (void *)heap->bump;
        heap->bump += bytes;
    }
    heap_unlock(&heap->pages);
    return memory;
}

/* Cuts [start, start + pages) out of the free run; what is left stays free. */
static void cut(struct heap *heap, struct span *span, uintptr_t start, size_t pages) {
    uintptr_t run = load_start(span), end = start + pages * MPK_PAGE_BYTES;
    size_t front = (start - run) >> PAGE_SHIFT;
    size_t back = span->pages - front - pages;
    uint32_t dirty = span->free.dirty;
    bin_remove(heap, span);
    span_set(span, start, pages, SPAN_BUSY);
    map_set(heap, start, pages, span);
    if (front) {
        struct span *rest = spare_pop(heap);
        span_set(rest, run, front, SPAN_BUSY);
        insert_free(heap, rest, dirty < front ? dirty : (uint32_t)front);
    }
    if (back) {
        struct span *rest = spare_pop(heap);
        span_set(rest, end, back, SPAN_BUSY);
        insert_free(heap, rest, dirty < back ? dirty : (uint32_t)back);
    }
}

struct span *_mpk_heap_run_alloc(struct heap *heap, size_t pages, size_t align, bool *zero) {
    size_t extra = align > MPK_PAGE_BYTES ? (align >> PAGE_SHIFT) - 1 : 0;
    struct span *span = NULL;
    heap_lock(&heap->pages);
    if (reserve_spares(heap) && within_limit(heap, pages) &&
        ((extra && (span = find_aligned(heap, pages, align))) || (span = find_or_grow(heap, pages + extra)))) {
        *zero = span->free.dirty == 0;
        cut(heap, span, (load_start(span) + align - 1) & ~(align - 1), pages);
    }
    heap_unlock(&heap->pages);
    return span;
}

static int64_t now_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Gives memory of free runs back, the longest first. The pages keep their tag. Not too
 * often: memory that comes and goes in waves would be faulted in again each time. */
static void purge(struct heap *heap) {
    int64_t now = now_ms();
    if (now < heap->purge_after_ms)
        return;
    heap->purge_after_ms = now + PURGE_EVERY_MS;
    size_t enough = heap->purge_at / 2;
    int saved = errno;
    for (uint32_t bin = BINS; bin-- >= PURGE_RUN_PAGES && heap->dirty_pages > enough;) {
        for (struct span *span = heap->bins[bin]; span; span = span->next) {
            if (!span->free.dirty ||
                madvise((void *)load_start(span), (size_t)span->pages * MPK_PAGE_BYTES, MADV_DONTNEED))
                continue; /* locked in memory: stays dirty */
            heap->dirty_pages -= span->free.dirty;
            span->free.dirty = 0;
        }
    }
    errno = saved;
    size_t used = ((heap->high - heap->low) >> PAGE_SHIFT) - heap->free_pages;
    size_t limit = used / 4 > PURGE_PAGES_MIN ? used / 4 : PURGE_PAGES_MIN;
    heap->purge_at = limit > 2 * heap->dirty_pages ? limit : 2 * heap->dirty_pages;
}

void _mpk_heap_run_free(struct heap *heap, struct span *span) {
    heap_lock(&heap->pages);
    HEAP_ASSERT(span_kind(load_tag(span)) != SPAN_FREE && load_start(span) >= heap->low);
    insert_free(heap, span, span->pages);
    if (heap->dirty_pages > heap->purge_at && !atomic_load_explicit(&heap->sweepers, memory_order_relaxed))
        purge(heap);
    heap_unlock(&heap->pages);
}

bool _mpk_heap_run_extend(struct heap *heap, struct span *span, size_t pages) {
    bool done = false;
    uintptr_t end = load_start(span) + (size_t)span->pages * MPK_PAGE_BYTES;
    size_t more = pages - span->pages;
    heap_lock(&heap->pages);
    reserve_spares(heap); /* else growth would put metadata behind the run */
    if (within_limit(heap, more)) {
        struct span *after = free_neighbour(heap, end);
        uintptr_t after_end = after ? end + (size_t)after->pages * MPK_PAGE_BYTES : end;
        if (after_end == heap->high && (!after || after->pages < more) && grow(heap, more))
            after = free_neighbour(heap, end);
        if (after && load_start(after) == end && after->pages >= more) {
            take_front(heap, after, more);
            map_set(heap, end, more, span);
            span->pages = (uint32_t)pages;
            done = true;
        }
    }
    heap_unlock(&heap->pages);
    return done;
}

struct span *_mpk_heap_run_split(struct heap *heap, struct span *span, size_t pages) {
    struct span *rest = NULL;
    heap_lock(&heap->pages);
    if (reserve_spares(heap)) {
        rest = spare_pop(heap);
        span_set(rest, load_start(span) + pages * MPK_PAGE_BYTES, span->pages - pages, SPAN_BUSY);
        map_set(heap, load_start(rest), rest->pages, rest);
        span->pages = (uint32_t)pages;
    }
    heap_unlock(&heap->pages);
    return rest;
}

bool _mpk_heap_run_trim(struct heap *heap, struct span *span, size_t pages) {
    heap_lock(&heap->pages);
    bool done = reserve_spares(heap);
    if (done) {
        struct span *rest = spare_pop(heap);
        size_t cut_pages = span->pages - pages;
        span_set(rest, load_start(span) + pages * MPK_PAGE_BYTES, cut_pages, SPAN_BUSY);
        span->pages = (uint32_t)pages;
        insert_free(heap, rest, (uint32_t)cut_pages);
    }
    heap_unlock(&heap->pages);
    return done;
}
