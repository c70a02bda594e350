/* heap.c - the heap's front: allocation of small blocks from the calling
 * thread's cache, their release, and the start of heaps.
 *
 * Invariants:
 *  - a block in a bin has size word 0 and lies in a span of the bin's thread; giving
 *    it out writes the word. No other thread writes that word while it is 0;
 *  - every block is a multiple of its class's alignment and at least one byte
 *    longer than the request, so base + bytes lies inside it.
 * A steady state makes no system call, takes no lock and has no atomic exchange: a
 * pop, a multiplication, a store; for a free two looks into the unit map more.
 *
 * Attacker: foreign code holds no rights here. The thread's cache is found by
 * its record, and that by FS base, never by thread-local storage.
 *
 * Source: [tcmalloc] thread caches.
 */
#include <string.h>
#include "heap_debug.h"
#include "heap_harden.h"
#include "heap_refuse.h"

#define MAP_REACH ((size_t)SPAN_BYTES << 32) /* bytes that a 32-bit map word can point across */

static size_t round_page(size_t bytes) {
    return (bytes + MPK_PAGE_BYTES - 1) & ~(size_t)(MPK_PAGE_BYTES - 1);
}

int _mpk_heap_init(mpk_domain *domain) {
    if (domain->bytes > MAP_REACH)
        return MPK_EINVALID;
    size_t at = round_page(sizeof *domain);
    size_t map_at = at + round_page(sizeof(struct heap));
    size_t units_at = map_at + round_page((domain->bytes >> PAGE_SHIFT) * sizeof(uint32_t));
    size_t end = units_at + round_page(((domain->bytes >> SMALL_SHIFT) + 2) * sizeof(uint32_t));
    if (end >= domain->bytes)
        return MPK_ENOMEM;
    int error = _mpk_domain_commit(domain, end);
    if (error)
        return error;
    struct heap *heap = (struct heap *)(domain->base + at);
    heap->domain = domain;
    heap->base = domain->base;
    heap->bytes = domain->bytes;
    heap->map = (_Atomic uint32_t *)(domain->base + map_at);
    heap->first_unit = domain->base >> SMALL_SHIFT;
    heap->units = (_Atomic uint32_t *)(domain->base + units_at);
    heap->unit_count = ((domain->base + domain->bytes - 1) >> SMALL_SHIFT) - heap->first_unit + 1;
    heap->low = heap->high = domain->base + end;
    heap->limit_pages = SIZE_MAX;
    atomic_store_explicit(&heap->metadata.tag, span_tag(SPAN_METADATA, 0), memory_order_relaxed);
    _mpk_heap_classes_init(heap);
    _mpk_heap_barrier_init(heap);
    if ((error = _mpk_heap_harden_init(heap)))
        return error;
    domain->heap = heap;
    return MPK_OK;
}

/* pre: the bin has a block. unit: its class's half of a unit word will do. */
static inline void *pop(struct heap *heap, struct cache_bin *bin, uint32_t unit, size_t bytes) {
    const struct size_class *class_ = unit_class(heap, unit);
    HEAP_ASSERT(!bin_empty(bin) && bytes < class_->size);
    void *block = *--bin->top;
    HEAP_ASSERT(is_idle_block(heap, unit, block));
    uint32_t index = block_index(class_, small_offset(class_, (uintptr_t)block));
    atomic_store_explicit(size_word((uintptr_t)block, index), (uint16_t)(SIZE_LIVE | bytes),
                          memory_order_relaxed);
    return block;
}

/* Whatever was in the way of the short path; then the same again. */
static __attribute__((noinline)) void *alloc_slow(struct heap *heap, uint32_t unit, size_t bytes) {
    struct cache *cache = _mpk_heap_adopt(heap);
    if (!cache)
        return NULL;
    struct cache_bin *bin = unit_bin(cache, unit);
    if (bin_empty(bin)) {
        _mpk_faults_follow();
        if (!_mpk_heap_refill(heap, cache, unit_class_number(unit))) {
            _mpk_heap_reclaim(heap);
            cache = _mpk_heap_adopt(heap);
            if (!cache || !_mpk_heap_refill(heap, cache, unit_class_number(unit)))
                return NULL;
            bin = unit_bin(cache, unit);
        }
    }
    return pop(heap, bin, unit, bytes);
}

/* Calls are tail calls only, so that the short path saves no registers. */
static inline void *alloc_small(struct heap *heap, uint32_t unit, size_t bytes) {
    struct cache *cache = hinted_cache(heap);
    if (UNLIKELY(!cache || bin_empty(unit_bin(cache, unit))))
        return alloc_slow(heap, unit, bytes);
    return pop(heap, unit_bin(cache, unit), unit, bytes);
}

/* Whatever is not short, or wants more than 8 bytes of alignment. For those above
 * 16, the first class that is long enough and a multiple. */
static __attribute__((noinline)) void *alloc_general(struct heap *heap, size_t bytes, size_t align,
                                                     bool zero) {
    if (align & (align - 1))
        return NULL;
    if (bytes > SMALL_MAX || align > MPK_PAGE_BYTES)
        return _mpk_heap_large_alloc(heap, bytes, align, zero);
    uint32_t unit = heap->unit_for_16[(bytes + 8) / 8];
    while (align && unit_class(heap, unit)->size & (align - 1)) /* ends: the last class is one page */
        unit += UNIT_CLASS;
    void *block = alloc_small(heap, unit, bytes);
    return block && zero ? memset(block, 0, bytes) : block;
}

/* 1, 2, 4 or 8. */
static inline bool is_short(size_t align) { return align - 1 < 8 && !(align & (align - 1)); }

void *mpk_heap_alloc(mpk_domain *domain, size_t bytes, size_t align) {
    struct heap *heap = domain->heap;
    heap_debug_step(heap);
    if (LIKELY(bytes <= SMALL_MAX && is_short(align)))
        return alloc_small(heap, heap->unit_for[(bytes + 8) / 8], bytes);
    return alloc_general(heap, bytes, align, false);
}

void *mpk_heap_calloc(mpk_domain *domain, size_t bytes, size_t align) {
    struct heap *heap = domain->heap;
    heap_debug_step(heap);
    if (LIKELY(bytes <= SMALL_MAX && is_short(align))) {
        void *block = alloc_small(heap, heap->unit_for[(bytes + 8) / 8], bytes);
        return block ? memset(block, 0, bytes) : NULL;
    }
    return alloc_general(heap, bytes, align, true);
}

/* ---- Release. ---------------------------------------------------------------- */

static __attribute__((noinline)) void flush_half(struct heap *heap, struct cache *cache, uint32_t unit) {
    _mpk_heap_flush(heap, cache, unit_class_number(unit), unit_class(heap, unit)->batch);
}

/* A full bin gives a batch back. */
static inline void push(struct heap *heap, struct cache *cache, uint32_t unit, void *block) {
    struct cache_bin *bin = unit_bin(cache, unit);
    HEAP_ASSERT(bin->top < bin->end && is_idle_block(heap, unit, block));
    *bin->top++ = block;
    if (UNLIKELY(bin->top == bin->end))
        flush_half(heap, cache, unit);
}

/* pre: the address is a block's in a small span. */
static _Atomic uint16_t *word_of(const struct heap *heap, uintptr_t base) {
    const struct size_class *class_ = unit_class(heap, unit_of(heap, base));
    return size_word(base, block_index(class_, small_offset(class_, base)));
}

static void hook_freed(struct heap *heap, uintptr_t base, uint32_t index, size_t bytes) {
    uint32_t *marks = atomic_load(&span_of(heap, base)->small.marks);
    uint32_t mark = marks ? __atomic_exchange_n(&marks[index], 0, __ATOMIC_SEQ_CST) : 0;
    if (mark && heap->domain->hooks.freed)
        heap->domain->hooks.freed(base, bytes, mark);
}

/* pre: the block's word is SIZE_SENT, by the caller. cache: the caller's, or NULL. */
static void go_home(struct heap *heap, struct cache *cache, void *block) {
    uint32_t unit = unit_of(heap, (uintptr_t)block);
    if (!cache || unit_owner(unit) != cache->id) {
        _mpk_heap_send(heap, cache, block);
        return;
    }
    const struct size_class *class_ = unit_class(heap, unit);
    uint32_t index = block_index(class_, small_offset(class_, (uintptr_t)block));
    atomic_store_explicit(size_word((uintptr_t)block, index), 0, memory_order_relaxed);
    push(heap, cache, unit, block);
}

/* The same by way of the quarantine: another block than this one may go home. */
static void free_held(struct heap *heap, struct cache *cache, void *block) {
    uintptr_t written = 0;
    block = _mpk_heap_hold_block(heap, cache, block, &written);
    if (block)
        go_home(heap, cache, block);
    if (UNLIKELY(written))
        _mpk_heap_report_written(heap, written);
}

/* A stranger's block, one with a mark, in a span where strangers mark, in a cache that
 * is still to be found; or no live one, or not of that size. Of two that free it at once the swap
 * lets one pass, and a mark that is set meanwhile is seen here or fails there. While
 * the block is SIZE_SENT it is nobody's: the hook may use the heap as it likes. */
static __attribute__((noinline)) void free_swapping(struct heap *heap, void *base, size_t bytes) {
    _Atomic uint16_t *place = word_of(heap, (uintptr_t)base);
    struct cache *cache = own_cache(heap);
    uint16_t word = atomic_load_explicit(place, memory_order_relaxed);
    do {
        if (!(word & SIZE_LIVE) || (bytes != SIZE_ANY && bytes != (word & SIZE_BYTES))) {
            _mpk_heap_refuse(heap, base, MPK_ACCESS_FREE, bytes);
            return;
        }
    } while (!atomic_compare_exchange_weak(place, &word, SIZE_SENT));
    if (word & SIZE_MARKED) {
        hook_freed(heap, (uintptr_t)base, (uint32_t)(place - size_word((uintptr_t)base, 0)), word & SIZE_BYTES);
        cache = own_cache(heap);
    }
    if (UNLIKELY(heap->parts))
        free_held(heap, cache, base);
    else
        go_home(heap, cache, base);
}

/* Strangers mark in this span since a moment ago: one of them may have marked this
 * block between the free's load and its store. */
static __attribute__((noinline)) void free_overtaken(struct heap *heap, void *base, size_t bytes) {
    _Atomic uint16_t *place = word_of(heap, (uintptr_t)base);
    atomic_store(place, SIZE_SENT);
    hook_freed(heap, (uintptr_t)base, (uint32_t)(place - size_word((uintptr_t)base, 0)), bytes);
    _mpk_heap_send(heap, own_cache(heap), base);
}

static __attribute__((noinline)) void free_other(struct heap *heap, void *base, size_t bytes) {
    if (!base)
        return;
    bool ours = (uintptr_t)base - heap->base < heap->bytes && !unit_of(heap, (uintptr_t)base);
    struct span *span = ours ? span_of(heap, (uintptr_t)base) : NULL;
    if (!span || span_kind(load_tag(span)) != SPAN_LARGE || load_start(span) != (uintptr_t)base ||
        (bytes != SIZE_ANY && bytes != atomic_load_explicit(&span->large.bytes, memory_order_relaxed)))
        _mpk_heap_refuse(heap, base, MPK_ACCESS_FREE, bytes);
    else
        _mpk_heap_large_free(heap, span);
}

/* Inlined into both entries: with SIZE_ANY the comparison of sizes is gone. */
static inline __attribute__((always_inline)) void release(struct heap *heap, void *base, size_t bytes) {
    heap_debug_step(heap);
    uintptr_t number = ((uintptr_t)base >> SMALL_SHIFT) - heap->first_unit;
    if (UNLIKELY(number >= heap->unit_count)) {
        free_other(heap, base, bytes);
        return;
    }
    _Atomic uint32_t *unit_at = &heap->units[number];
    uint32_t unit = atomic_load_explicit(unit_at, memory_order_acquire);
    const struct size_class *class_ = unit_class(heap, unit); /* without a small span: one of no extent */
    uint32_t offset = small_offset(class_, (uintptr_t)base), reciprocal = class_->reciprocal;
    uint64_t product = (uint64_t)offset * reciprocal; /* is_block_start and block_index by one multiplication */
    if (UNLIKELY(offset >= class_->extent || (uint32_t)product >= reciprocal)) {
        free_other(heap, base, bytes);
        return;
    }
    _Atomic uint16_t *place = size_word((uintptr_t)base, (uint32_t)(product >> 32));
    struct cache *cache = hinted_cache(heap);
    uint32_t word = atomic_load_explicit(place, memory_order_relaxed);
    if (UNLIKELY(!cache || unit >> UNIT_OWNER_SHIFT != cache->id ||
                 (word & (SIZE_LIVE | SIZE_MARKED)) != SIZE_LIVE ||
                 (bytes != SIZE_ANY && (word & SIZE_BYTES) != bytes))) {
        free_swapping(heap, base, bytes);
        return;
    }
    atomic_store_explicit(place, 0, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst); /* the other half is mark_small's barrier */
    if (UNLIKELY(atomic_load_explicit(unit_at, memory_order_relaxed) != unit)) {
        free_overtaken(heap, base, word & SIZE_BYTES);
        return;
    }
    push(heap, cache, unit, base);
}

void mpk_heap_free(mpk_domain *domain, void *base) { release(domain->heap, base, SIZE_ANY); }

void mpk_heap_free_sized(mpk_domain *domain, void *base, size_t bytes, size_t align) {
    struct heap *heap = domain->heap;
    if (UNLIKELY(align && (((uintptr_t)base | align) & (align - 1)) != 0)) {
        if (base)
            _mpk_heap_refuse(heap, base, MPK_ACCESS_FREE, bytes);
        return;
    }
    release(heap, base, bytes == SIZE_ANY ? SIZE_ANY - 1 : bytes); /* no allocation is that long */
}
