/* heap_resize.c - realloc: in place where the block or the run has room, else by moving.
 *
 * Invariants:
 *  - an address that is not the start of a live allocation is refused, as free does;
 *  - the old allocation lives until its bytes are in the new one, and on failure
 *    stays as it was;
 *  - a size word changes by compare-and-swap, since a mark may be set meanwhile
 *    (heap_find.c), and a large allocation's size before the look at its mark.
 *
 * What has outgrown its block is likely to grow again: a buffer that moves to pages of
 * its own gets the run that its thread freed last, however long (heap_runs.c). If that
 * run was such a buffer's, the next that grows to GROWING_LEAST bytes is believed to go
 * the same way, and gets it at once; for each that dies long, one.
 *
 * Attacker: as heap.c.
 */
#include <string.h>
#include "heap_debug.h"
#include "heap_refuse.h"

#define GROWING_LEAST 128

/* In place: the block keeps its class while at least half of it would be used. */
static bool resize_small(struct heap *heap, uintptr_t base, uint32_t index, uint32_t unit, size_t bytes) {
    const struct size_class *class_ = unit_class(heap, unit);
    if (bytes >= class_->size || (bytes < class_->size / 2 && class_->size > 64))
        return false;
    _Atomic uint16_t *place = size_word(base, index);
    uint16_t old = atomic_load_explicit(place, memory_order_relaxed);
    do {
        if (!(old & SIZE_LIVE))
            return false; /* freed at the same time: the release of the old one will say so */
    } while (!atomic_compare_exchange_weak(place, &old, (uint16_t)(SIZE_LIVE | (old & SIZE_MARKED) | bytes)));
    if ((old & SIZE_MARKED) && bytes != (old & SIZE_BYTES)) {
        uint32_t *marks = atomic_load(&span_of(heap, base)->small.marks);
        uint32_t mark = __atomic_load_n(&marks[index], __ATOMIC_SEQ_CST);
        if (mark && heap->domain->hooks.resized)
            heap->domain->hooks.resized(base, old & SIZE_BYTES, bytes, mark);
    }
    return true;
}

static void *move(struct heap *heap, void *base, size_t old, size_t bytes, size_t align) {
    void *moved = NULL;
    if (bytes >= GROWING_LEAST && bytes > old && align <= MPK_PAGE_BYTES)
        moved = _mpk_heap_large_ahead(heap, bytes);
    if (!moved && !(moved = mpk_heap_alloc(heap->domain, bytes, align)))
        return NULL;
    memcpy(moved, base, old < bytes ? old : bytes);
    mpk_heap_free(heap->domain, base);
    return moved;
}

static void *realloc_small(struct heap *heap, void *base, uint32_t unit, size_t bytes, size_t align) {
    const struct size_class *class_ = unit_class(heap, unit);
    uint32_t offset = small_offset(class_, (uintptr_t)base), index = 0;
    uint16_t word = 0;
    if (offset < class_->extent && is_block_start(class_, offset)) {
        index = block_index(class_, offset);
        word = atomic_load_explicit(size_word((uintptr_t)base, index), memory_order_relaxed);
    }
    if (!(word & SIZE_LIVE)) {
        _mpk_heap_refuse(heap, base, MPK_ACCESS_FREE, SIZE_ANY);
        return NULL;
    }
    bool aligned = ((uintptr_t)base & ((align ? align : 16) - 1)) == 0;
    if (aligned && resize_small(heap, (uintptr_t)base, index, unit, bytes))
        return base;
    return move(heap, base, word & SIZE_BYTES, bytes, align);
}

static void *realloc_large(struct heap *heap, void *base, size_t bytes, size_t align) {
    struct span *span = (uintptr_t)base - heap->base < heap->bytes ? span_of(heap, (uintptr_t)base) : NULL;
    if (!span || span_kind(load_tag(span)) != SPAN_LARGE || load_start(span) != (uintptr_t)base) {
        _mpk_heap_refuse(heap, base, MPK_ACCESS_FREE, SIZE_ANY);
        return NULL;
    }
    size_t old = atomic_load_explicit(&span->large.bytes, memory_order_relaxed);
    bool aligned = ((uintptr_t)base & ((align ? align : 16) - 1)) == 0;
    if (LIKELY(aligned && bytes >= old && large_pages(bytes) <= span->pages && !heap->parts &&
               !atomic_load_explicit(&span->large.shared_pages, memory_order_relaxed))) {
        large_set_bytes(heap, span, bytes); /* the run has room: what a buffer that grows meets most */
        return base;
    }
    if (aligned && (bytes > SMALL_MAX || bytes >= old || align > MPK_PAGE_BYTES) && _mpk_heap_large_resize(heap, span, bytes))
        return base;
    return move(heap, base, old, bytes, align);
}

void *mpk_heap_realloc(mpk_domain *domain, void *base, size_t bytes, size_t align) {
    struct heap *heap = domain->heap;
    heap_debug_step(heap);
    if (align & (align - 1))
        return NULL;
    if (!base)
        return mpk_heap_alloc(domain, bytes, align);
    uint32_t unit = unit_of(heap, (uintptr_t)base);
    return unit ? realloc_small(heap, base, unit, bytes, align) : realloc_large(heap, base, bytes, align);
}
