/* heap.c - the heap's front: allocation of small blocks from the calling
 * thread's cache, and the start and end of caches and heaps.
 *
 * Invariants:
 *  - a block in a bin has size word 0; giving it out writes the word;
 *  - every block is a multiple of its class's alignment and at least one byte
 *    longer than the request, so base + bytes lies inside it.
 * A steady state makes no system call and takes no lock: a pop, a look into the
 * page map, a multiplication, a store.
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
    size_t at = round_page(domain->committed > sizeof *domain ? domain->committed : sizeof *domain);
    size_t map_at = at + round_page(sizeof(struct heap));
    size_t end = map_at + round_page((domain->bytes >> PAGE_SHIFT) * sizeof(uint32_t));
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
    heap->low = heap->high = domain->base + domain->committed;
    atomic_store_explicit(&heap->metadata.tag, span_tag(SPAN_METADATA, 0), memory_order_relaxed);
    _mpk_heap_classes_init(heap);
    domain->heap = heap;
    return _mpk_heap_fork_register();
}

static struct cache *new_cache(struct heap *heap, uint32_t slot) {
    struct cache *cache = _mpk_heap_metadata(heap, sizeof *cache);
    if (!cache)
        return NULL;
    for (uint32_t class_ = 0; class_ < CLASSES; class_++)
        cache->bins[class_].limit = 2u * heap->classes[class_].batch;
    heap->cache[slot] = cache;
    return cache;
}

void _mpk_heap_thread_exit(mpk_domain *domain, struct thread_record *record) {
    struct cache *cache = domain->heap->cache[record->slot];
    if (!cache)
        return;
    for (uint32_t class_ = 0; class_ < CLASSES; class_++)
        if (cache->bins[class_].head)
            _mpk_heap_flush(domain->heap, &cache->bins[class_], class_, UINT32_MAX);
}

/* NULL: no memory for a cache. */
static inline struct cache *own_cache(struct heap *heap) {
    uint32_t slot = _mpk_thread()->slot;
    struct cache *cache = heap->cache[slot];
    return LIKELY(cache != NULL) ? cache : new_cache(heap, slot);
}

static inline void *alloc_small(struct heap *heap, uint32_t number, size_t bytes) {
    struct cache *cache = own_cache(heap);
    if (UNLIKELY(!cache))
        return NULL;
    struct cache_bin *bin = &cache->bins[number];
    void *block = bin->head;
    if (UNLIKELY(!block)) {
        if (!_mpk_heap_refill(heap, bin, number))
            return NULL;
        block = bin->head;
    }
    const struct size_class *class_ = &heap->classes[number];
    uintptr_t start = load_start(span_of(heap, (uintptr_t)block));
    uint32_t index = block_index(class_, (uint32_t)((uintptr_t)block - start - class_->first));
    atomic_store_explicit(&size_words(start)[index], (uint16_t)(SIZE_LIVE | bytes),
                          memory_order_relaxed);
    bin->count--;
    /* Last, and behind the rest in program order: a fork that falls in between
     * finds a list that is whole. */
    __atomic_store_n(&bin->head, *(void **)block, __ATOMIC_RELEASE);
    return block;
}

/* Alignments above 16: the first class that is long enough and a multiple. */
static void *alloc_aligned(struct heap *heap, size_t bytes, size_t align, bool zero) {
    if (bytes > SMALL_MAX || align > MPK_PAGE_BYTES)
        return _mpk_heap_large_alloc(heap, bytes, align, zero);
    uint32_t class_ = heap->class_of[1][(bytes + 8) / 8];
    while (heap->classes[class_].size & (align - 1)) /* ends: the last class is one page */
        class_++;
    void *block = alloc_small(heap, class_, bytes);
    return block && zero ? memset(block, 0, bytes) : block;
}

void *mpk_heap_alloc(mpk_domain *domain, size_t bytes, size_t align) {
    struct heap *heap = domain->heap;
    if (UNLIKELY(align & (align - 1)))
        return NULL;
    if (LIKELY(bytes <= SMALL_MAX && align <= 16))
        return alloc_small(heap, heap->class_of[align - 1 >= 8][(bytes + 8) / 8], bytes);
    return alloc_aligned(heap, bytes, align, false);
}

void *mpk_heap_calloc(mpk_domain *domain, size_t bytes, size_t align) {
    struct heap *heap = domain->heap;
    if (UNLIKELY(align & (align - 1)))
        return NULL;
    if (LIKELY(bytes <= SMALL_MAX && align <= 16)) {
        void *block = alloc_small(heap, heap->class_of[align - 1 >= 8][(bytes + 8) / 8], bytes);
        return block ? memset(block, 0, bytes) : NULL;
    }
    return alloc_aligned(heap, bytes, align, true);
}

/* ---- Death. ---------------------------------------------------------------- */

_Noreturn void _mpk_heap_bad_pointer(const struct heap *heap, const void *pointer, const char *what) {
    _mpk_fatal("mpk heap: %p is not a live allocation of the domain at %p: %s", pointer,
               (void *)heap->base, what);
}

/* Says what is wrong with a pointer that is not the base of a live allocation. */
static _Noreturn void __attribute__((noinline)) explain(struct heap *heap, const void *pointer) {
    uintptr_t address = (uintptr_t)pointer;
    struct mpk_allocation found;
    if (address - heap->base >= heap->bytes)
        _mpk_heap_bad_pointer(heap, pointer, "not in the domain");
    if (mpk_heap_find(heap->domain, address, &found))
        _mpk_heap_bad_pointer(heap, pointer, "inside an allocation, not its start");
    struct span *span = span_of(heap, address);
    uint32_t tag = span ? load_tag(span) : SPAN_METADATA;
    if (span_kind(tag) == SPAN_SMALL) {
        const struct size_class *class_ = &heap->classes[span_class(tag)];
        uintptr_t offset = address - load_start(span) - class_->first;
        if (offset < class_->extent && offset % class_->size == 0 &&
            offset / class_->size < span->small.fresh_from)
            _mpk_heap_bad_pointer(heap, pointer, "double free");
    } else if (span_kind(tag) != SPAN_METADATA) {
        _mpk_heap_bad_pointer(heap, pointer, "double free, or never allocated");
    }
    _mpk_heap_bad_pointer(heap, pointer, "never allocated");
}

/* The layer above hears of the death of what it has marked. */
static void __attribute__((noinline)) freed_marked(mpk_domain *domain, const struct span *span,
                                                   uint32_t index, uintptr_t base, size_t bytes) {
    uint32_t *marks = atomic_load(&span->small.marks);
    uint32_t mark = __atomic_load_n(&marks[index], __ATOMIC_SEQ_CST);
    if (mark && domain->hooks.freed)
        domain->hooks.freed(base, bytes, mark);
}

void mpk_heap_free(mpk_domain *domain, void *base) {
    struct heap *heap = domain->heap;
    if (UNLIKELY(!base))
        return;
    if (UNLIKELY((uintptr_t)base - heap->base >= heap->bytes))
        explain(heap, base);
    struct span *span = span_of(heap, (uintptr_t)base);
    if (UNLIKELY(!span))
        explain(heap, base);
    uint32_t tag = load_tag(span);
    uintptr_t start = load_start(span);
    if (UNLIKELY(span_kind(tag) != SPAN_SMALL)) {
        if (span_kind(tag) != SPAN_LARGE || start != (uintptr_t)base)
            explain(heap, base);
        _mpk_heap_large_free(heap, span);
        return;
    }
    uint32_t number = span_class(tag);
    const struct size_class *class_ = &heap->classes[number];
    uintptr_t offset = (uintptr_t)base - start - class_->first;
    if (UNLIKELY(offset >= class_->extent))
        explain(heap, base);
    uint32_t index = block_index(class_, (uint32_t)offset);
    if (UNLIKELY(index * class_->size != offset))
        explain(heap, base);
    /* One exchange: of two threads that free the same block, one dies; and a mark
     * that is set at the same time is seen here or fails there. */
    uint32_t word = atomic_exchange(&size_words(start)[index], 0);
    if (UNLIKELY(!(word & SIZE_LIVE)))
        explain(heap, base);
    if (UNLIKELY(word & SIZE_MARKED))
        freed_marked(domain, span, index, (uintptr_t)base, word & SIZE_BYTES);
    struct cache *cache = own_cache(heap);
    if (UNLIKELY(!cache)) { /* no memory for a cache: the shortest one there is */
        struct cache_bin bin = {.head = base, .count = 1};
        *(void **)base = NULL;
        _mpk_heap_flush(heap, &bin, number, 1);
        return;
    }
    struct cache_bin *bin = &cache->bins[number];
    *(void **)base = bin->head;
    __atomic_store_n(&bin->head, base, __ATOMIC_RELEASE);
    if (UNLIKELY(++bin->count >= bin->limit))
        _mpk_heap_flush(heap, bin, number, class_->batch);
}

/* ---- Change of size. -------------------------------------------------------- */

/* In place: the block keeps its class while at least half of it would be used. */
static bool resize_small(struct heap *heap, struct span *span, uint32_t number, uintptr_t base,
                         size_t bytes) {
    mpk_domain *domain = heap->domain;
    const struct size_class *class_ = &heap->classes[number];
    if (bytes >= class_->size || (bytes < class_->size / 2 && class_->size > 64))
        return false;
    uintptr_t start = load_start(span);
    uint32_t index = block_index(class_, (uint32_t)(base - start - class_->first));
    _Atomic uint16_t *word = &size_words(start)[index];
    uint16_t old = atomic_load(word);
    /* A loop, because the first mark may be set meanwhile. */
    while (!atomic_compare_exchange_weak(
        word, &old, (uint16_t)(SIZE_LIVE | (old & SIZE_MARKED) | bytes)))
        ;
    if ((old & SIZE_MARKED) && bytes != (old & SIZE_BYTES)) {
        uint32_t mark = __atomic_load_n(&atomic_load(&span->small.marks)[index], __ATOMIC_SEQ_CST);
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
    if (!mpk_heap_find(domain, (uintptr_t)base, &old) || old.base != (uintptr_t)base)
        explain(heap, base);
    if (((uintptr_t)base & ((align ? align : 16) - 1)) == 0) {
        struct span *span = span_of(heap, old.base);
        uint32_t tag = load_tag(span);
        if (span_kind(tag) == SPAN_SMALL) {
            if (resize_small(heap, span, span_class(tag), old.base, bytes))
                return base;
        } else if (bytes > SMALL_MAX || align > MPK_PAGE_BYTES) {
            if (_mpk_heap_large_resize(heap, span, bytes))
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
