/* heap_sweep.c - what a thread keeps and no longer uses goes back, whenever it has made
 * many small spans.
 *
 * A thread that allocates and frees in a steady state is served by its bins and its runs
 * and never comes here. One that begins something else makes spans for that, while blocks
 * and runs of what it did before lie idle with it. So before each SWEEP_SPANS-th it looks
 * around:
 *  - a bin whose top is where it was at the last look counts as idle: all of it goes
 *    back to its spans, and an empty span to the free runs;
 *  - of the cached runs as many pages go back as lay there all the time since then.
 *
 * Invariant: only the calling thread's own cache is touched, between two operations on it
 * (of the class that is being refilled, the bin is empty). To be wrong about a bin costs
 * one refill.
 *
 * Attacker: as heap_class.c.
 *
 * Source: [tcmalloc] low-water marks of thread caches.
 */
#include "heap.h"

#define SWEEP_SPANS 16          /* 1 MiB */

void _mpk_heap_sweep(struct heap *heap, struct cache *cache) {
    if (LIKELY(++cache->spans_made < SWEEP_SPANS))
        return;
    cache->spans_made = 0;
    /* What is free now is about to be used again: nothing for the kernel. */
    atomic_fetch_add_explicit(&heap->sweepers, 1, memory_order_relaxed);
    for (uint32_t number = 0; number < CLASSES; number++) {
        struct cache_bin *bin = &cache->bins[number];
        if (bin->top == cache->seen_tops[number])
            _mpk_heap_class_trim(heap, cache, number);
        cache->seen_tops[number] = bin->top;
    }
    _mpk_heap_trim_runs(heap, cache);
    atomic_fetch_sub_explicit(&heap->sweepers, 1, memory_order_relaxed);
}
