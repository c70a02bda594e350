/* heap_debug.h - how much the heap distrusts itself, chosen when it is compiled:
 *
 *   MPK_HEAP_DEBUG 0   not at all: what ships
 *   MPK_HEAP_DEBUG 1   each operation asserts what it relies on: O(1)
 *   MPK_HEAP_DEBUG 2   besides, every MPK_HEAP_DEBUG_EVERY operations all of
 *                      heap_check.c is walked
 *
 * A broken invariant is fatal, in one line. Tests build and run all three.
 */
#ifndef GALEED_MPK_HEAP_DEBUG_H
#define GALEED_MPK_HEAP_DEBUG_H

#ifndef MPK_HEAP_DEBUG
#define MPK_HEAP_DEBUG 0
#endif
#ifndef MPK_HEAP_DEBUG_EVERY
#define MPK_HEAP_DEBUG_EVERY 1000
#endif

#include "heap.h"

#if MPK_HEAP_DEBUG >= 1
#define HEAP_ASSERT(condition)                                                             \
    do {                                                                                   \
        if (UNLIKELY(!(condition)))                                                        \
            _mpk_fatal("mpk heap: %s:%d does not hold: %s", __FILE__, __LINE__, #condition); \
    } while (0)
#else
#define HEAP_ASSERT(condition) ((void)0)
#endif

/* A block of the unit's class that nobody has. */
static inline bool is_idle_block(const struct heap *heap, uint32_t unit, const void *block) {
    uintptr_t address = (uintptr_t)block;
    if (!unit || (uint16_t)unit_of(heap, address) != (uint16_t)unit)
        return false;
    const struct size_class *class_ = unit_class(heap, unit);
    uint32_t offset = small_offset(class_, address);
    return offset < class_->extent && is_block_start(class_, offset) &&
           atomic_load_explicit(size_word(address, block_index(class_, offset)), memory_order_relaxed) == 0;
}

/* heap_check.c: an operation begins. Walks everything when it is time, with level 2.
 * pre: no lock of the heap is held by the caller. */
void _mpk_heap_debug_step(struct heap *heap);
static inline void heap_debug_step(struct heap *heap) {
#if MPK_HEAP_DEBUG >= 2
    _mpk_heap_debug_step(heap);
#else
    (void)heap;
#endif
}

#endif
