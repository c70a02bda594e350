/* heap.c - the heap's front: allocation of small blocks from the calling
 * thread's cache, and the start and end of caches and heaps.
 *
 * Invariants:
 *  - a block in a bin has size word 0; giving it out writes the word. A bin's
 *    count is the last thing that a push or a pop writes (heap_fork.c);
 *  - every block is a multiple of its class's alignment and at least one byte
 *    longer than the request, so base + bytes lies inside it.
 * A steady state makes no system call and takes no lock: a pop, a multiplication,
 * a store; for a free a look into the unit map more.
 *
 * Attacker: foreign code holds no rights here. The thread's cache is found by
 * its record, and that by FS base, never by thread-local storage.
 *
 * Source: [tcmalloc] thread caches.
 */
#include <string.h>
#include "heap.h"

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
    size_t end = units_at + round_page(((domain->bytes >> SMALL_SHIFT) + 2) * sizeof(uint16_t));
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
    heap->unit_bias = domain->base + units_at - heap->first_unit * sizeof(uint16_t);
    heap->unit_count = ((domain->base + domain->bytes - 1) >> SMALL_SHIFT) - heap->first_unit + 1;
    heap->low = heap->high = domain->base + end;
    heap->limit_pages = SIZE_MAX;
    atomic_store_explicit(&heap->metadata.tag, span_tag(SPAN_METADATA, 0), memory_order_relaxed);
    _mpk_heap_classes_init(heap);
    domain->heap = heap;
    return _mpk_heap_fork_register();
}

/* pre: the bin has a block. */
static inline void *pop(struct heap *heap, struct cache_bin *bin, uint32_t number, size_t bytes) {
    const struct size_class *class_ = &heap->classes[number];
    uint32_t count = bin->count - 1;
    void *block = bin->slots[count];
    uint32_t index = block_index(class_, small_offset(class_, (uintptr_t)block));
    atomic_store_explicit(size_word((uintptr_t)block, index), (uint16_t)(SIZE_LIVE | bytes),
                          memory_order_relaxed);
    __atomic_store_n(&bin->count, count, __ATOMIC_RELEASE);
    return block;
}

/* Whatever was in the way of the short path; then the same again. */
static __attribute__((noinline)) void *alloc_slow(struct heap *heap, uint32_t number, size_t bytes) {
    struct cache *cache = _mpk_heap_adopt(heap);
    if (!cache)
        return NULL;
    struct cache_bin *bin = &cache->bins[number];
    if (!bin->count) {
        _mpk_faults_follow();
        if (!_mpk_heap_refill(heap, bin, number)) {
            if (!_mpk_heap_reclaim(heap) || !(cache = _mpk_heap_adopt(heap)))
                return NULL;
            bin = &cache->bins[number]; /* reclaiming has emptied it and given it up */
            if (!_mpk_heap_refill(heap, bin, number))
                return NULL;
        }
    }
    return pop(heap, bin, number, bytes);
}

/* Calls are tail calls only, so that the short path saves no registers. */
static inline void *alloc_small(struct heap *heap, uint32_t number, size_t bytes) {
    struct cache *cache = hinted_cache(heap);
    if (UNLIKELY(!cache || !cache->bins[number].count))
        return alloc_slow(heap, number, bytes);
    return pop(heap, &cache->bins[number], number, bytes);
}

/* Whatever is not short, or wants more than 8 bytes of alignment. For those above
 * 16, the first class that is long enough and a multiple. */
static __attribute__((noinline)) void *alloc_general(struct heap *heap, size_t bytes, size_t align,
                                                     bool zero) {
    if (align & (align - 1))
        return NULL;
    if (bytes > SMALL_MAX || align > MPK_PAGE_BYTES)
        return _mpk_heap_large_alloc(heap, bytes, align, zero);
    uint32_t class_ = heap->class_of[1][(bytes + 8) / 8];
    while (align && heap->classes[class_].size & (align - 1)) /* ends: the last class is one page */
        class_++;
    void *block = alloc_small(heap, class_, bytes);
    return block && zero ? memset(block, 0, bytes) : block;
}

void *mpk_heap_alloc(mpk_domain *domain, size_t bytes, size_t align) {
    struct heap *heap = domain->heap;
    if (LIKELY(bytes <= SMALL_MAX && align - 1 < 8))
        return alloc_small(heap, heap->class_of[0][(bytes + 8) / 8], bytes);
    return alloc_general(heap, bytes, align, false);
}

void *mpk_heap_calloc(mpk_domain *domain, size_t bytes, size_t align) {
    struct heap *heap = domain->heap;
    if (LIKELY(bytes <= SMALL_MAX && align - 1 < 8)) {
        void *block = alloc_small(heap, heap->class_of[0][(bytes + 8) / 8], bytes);
        return block ? memset(block, 0, bytes) : NULL;
    }
    return alloc_general(heap, bytes, align, true);
}

/* ---- Death. ---------------------------------------------------------------- */

/* Without memory for a cache: one that lasts for this block. */
static void free_uncached(struct heap *heap, void *base, uint32_t number) {
    struct cache_bin bin = {.count = 1, .slots = &base};
    _mpk_heap_flush(heap, &bin, number, 1);
}

/* A full bin gives a batch back. */
static inline void push(struct heap *heap, struct cache_bin *bin, uint32_t unit, void *block) {
    uint32_t count = bin->count;
    bin->slots[count] = block;
    __atomic_store_n(&bin->count, ++count, __ATOMIC_RELEASE);
    if (UNLIKELY(count == bin->limit))
        _mpk_heap_flush(heap, bin, unit_class_number(unit), bin->limit / 2);
}

/* What is left to do when a block's size word, which is 0 by now, was not plainly
 * what it should be, or when the cache is still to be found. */
static __attribute__((noinline)) void free_taken(struct heap *heap, void *base, uint32_t word, size_t bytes) {
    uint32_t unit = unit_of(heap, (uintptr_t)base);
    bool wrong_size = bytes != SIZE_ANY && bytes != (word & SIZE_BYTES);
    if (!(word & SIZE_LIVE) || wrong_size) {
        const struct size_class *class_ = unit_class(heap, unit);
        uint32_t index = block_index(class_, small_offset(class_, (uintptr_t)base));
        if (word & SIZE_LIVE) /* it lives on: between the exchange and here it is this thread's */
            atomic_store(size_word((uintptr_t)base, index), (uint16_t)word);
        _mpk_heap_refuse(heap, base, MPK_ACCESS_FREE, bytes);
        return;
    }
    if (word & SIZE_MARKED) {
        const struct size_class *class_ = unit_class(heap, unit);
        uint32_t index = block_index(class_, small_offset(class_, (uintptr_t)base));
        uint32_t *marks = atomic_load(&span_of(heap, (uintptr_t)base)->small.marks);
        uint32_t mark = __atomic_load_n(&marks[index], __ATOMIC_SEQ_CST);
        if (mark && heap->domain->hooks.freed)
            heap->domain->hooks.freed((uintptr_t)base, word & SIZE_BYTES, mark);
    }
    struct cache *cache = own_cache(heap);
    if (cache)
        push(heap, unit_bin(cache, unit), unit, base);
    else
        free_uncached(heap, base, unit_class_number(unit));
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

static __attribute__((noinline)) void free_unknown_thread(struct heap *heap, void *base,
                                                          _Atomic uint16_t *word, size_t bytes) {
    _mpk_heap_note_thread(heap); /* before the word is touched: is there another thread? */
    free_taken(heap, base, atomic_exchange(word, 0), bytes);
}

/* Inlined into both entries: with SIZE_ANY the comparison of sizes is gone. */
static inline __attribute__((always_inline)) void release(struct heap *heap, void *base, size_t bytes) {
    uint32_t unit = unit_of(heap, (uintptr_t)base);
    if (UNLIKELY(!unit)) {
        free_other(heap, base, bytes);
        return;
    }
    const struct size_class *class_ = unit_class(heap, unit);
    uint32_t offset = small_offset(class_, (uintptr_t)base);
    if (UNLIKELY(offset >= class_->extent || !is_block_start(class_, offset))) {
        free_other(heap, base, bytes);
        return;
    }
    _Atomic uint16_t *place = size_word((uintptr_t)base, block_index(class_, offset));
    struct cache *cache = hinted_cache(heap);
    if (UNLIKELY(!cache)) {
        free_unknown_thread(heap, base, place, bytes);
        return;
    }
    /* Between threads, one exchange: of two that free the same block, one dies;
     * and a mark that is set at the same time is seen here or fails there. */
    uint32_t word;
    if (is_concurrent(heap)) {
        word = atomic_exchange(place, 0);
    } else {
        word = atomic_load_explicit(place, memory_order_relaxed);
        atomic_store_explicit(place, 0, memory_order_relaxed);
    }
    if (UNLIKELY((word & (SIZE_LIVE | SIZE_MARKED)) != SIZE_LIVE ||
                 (bytes != SIZE_ANY && (word & SIZE_BYTES) != bytes))) {
        free_taken(heap, base, word, bytes);
        return;
    }
    push(heap, unit_bin(cache, unit), unit, base);
}

void mpk_heap_free(mpk_domain *domain, void *base) { release(domain->heap, base, SIZE_ANY); }

void mpk_heap_free_sized(mpk_domain *domain, void *base, size_t bytes, size_t align) {
    struct heap *heap = domain->heap;
    if (UNLIKELY(align && ((uintptr_t)base & (align - 1)) != 0)) {
        _mpk_heap_refuse(heap, base, MPK_ACCESS_FREE, bytes);
        return;
    }
    release(heap, base, bytes == SIZE_ANY ? SIZE_ANY - 1 : bytes); /* no allocation is that long */
}

/* ---- Change of size. -------------------------------------------------------- */

/* In place: the block keeps its class while at least half of it would be used. */
static bool resize_small(struct heap *heap, uint32_t number, uintptr_t base, size_t bytes) {
    mpk_domain *domain = heap->domain;
    const struct size_class *class_ = &heap->classes[number];
    if (bytes >= class_->size || (bytes < class_->size / 2 && class_->size > 64))
        return false;
    uint32_t index = block_index(class_, small_offset(class_, base));
    _Atomic uint16_t *word = size_word(base, index);
    uint16_t old = atomic_load(word);
    /* A loop, because the first mark may be set meanwhile. */
    while (!atomic_compare_exchange_weak(
        word, &old, (uint16_t)(SIZE_LIVE | (old & SIZE_MARKED) | bytes)))
        ;
    if ((old & SIZE_MARKED) && bytes != (old & SIZE_BYTES)) {
        uint32_t *marks = atomic_load(&span_of(heap, base)->small.marks);
        uint32_t mark = __atomic_load_n(&marks[index], __ATOMIC_SEQ_CST);
        if (mark && domain->hooks.resized)
            domain->hooks.resized(base, old & SIZE_BYTES, bytes, mark);
    }
    return true;
}

void *mpk_heap_realloc(mpk_domain *domain, void *base, size_t bytes, size_t align) {
    struct heap *heap = domain->heap;
    struct mpk_allocation old;
    if (align & (align - 1))
        return NULL;
    if (!base)
        return mpk_heap_alloc(domain, bytes, align);
    if (!mpk_heap_find(domain, (uintptr_t)base, &old) || old.base != (uintptr_t)base) {
        _mpk_heap_refuse(heap, base, MPK_ACCESS_FREE, SIZE_ANY);
        return NULL;
    }
    if (((uintptr_t)base & ((align ? align : 16) - 1)) == 0) {
        if (!old.own_pages) {
            if (resize_small(heap, unit_class_number(unit_of(heap, old.base)), old.base, bytes))
                return base;
        } else if (bytes > SMALL_MAX || align > MPK_PAGE_BYTES) {
            if (_mpk_heap_large_resize(heap, span_of(heap, old.base), bytes))
                return base;
        }
    }
    void *moved = mpk_heap_alloc(domain, bytes, align);
    if (!moved)
        return NULL;
    memcpy(moved, base, old.bytes < bytes ? old.bytes : bytes);
    mpk_heap_free(domain, base);
    return moved;
}
