/* heap_runs.c - the runs that a thread has freed and keeps for a while: a buffer that
 * comes and goes costs no lock, no split, no coalescing, and no fresh page.
 *
 * Invariants:
 *  - a run here is SPAN_BUSY, private (never shared any more), of at most
 *    RUN_CACHE_LONGEST pages, in the list of its length's bin, and dirty; all together
 *    have run_pages <= RUN_CACHE_PAGES;
 *  - the head of a list is the last thing that a push or a pop writes, so that lists
 *    are whole at every instant (heap_fork.c).
 *
 * A run may be up to an eighth longer than asked for: its owner has the rest, as
 * pages that it does not touch.
 *
 * Attacker: as heap_pages.c.
 */
#include "heap.h"

static void list_store(struct cache *cache, uint32_t bin, struct span *head) {
    __atomic_store_n(&cache->runs[bin], head, __ATOMIC_RELEASE);
}

struct span *_mpk_heap_cached_run(struct cache *cache, size_t pages) {
    if (pages > RUN_CACHE_LONGEST)
        return NULL;
    uint32_t bin = _mpk_heap_bin(pages);
    struct span *span = cache->runs[bin];
    if (!span || span->pages < pages) { /* longer bins hold several lengths: only their last one is looked at */
        size_t longest = pages + pages / 8;
        uint32_t last = _mpk_heap_bin(longest < RUN_CACHE_LONGEST ? longest : RUN_CACHE_LONGEST);
        do {
            if (bin++ == last)
                return NULL;
            span = cache->runs[bin];
        } while (!span);
    }
    cache->run_pages -= span->pages;
    list_store(cache, bin, span->next);
    return span;
}

/* The longest go first: there are few of them. */
static void make_room(struct heap *heap, struct cache *cache, uint32_t most) {
    for (uint32_t bin = RUN_BINS; bin-- > 0 && cache->run_pages > most;) {
        for (struct span *span; cache->run_pages > most && (span = cache->runs[bin]);) {
            cache->run_pages -= span->pages;
            list_store(cache, bin, span->next);
            _mpk_heap_run_free(heap, span);
        }
    }
}

bool _mpk_heap_cache_run(struct heap *heap, struct cache *cache, struct span *span) {
    uint32_t pages = span->pages;
    if (pages > RUN_CACHE_LONGEST)
        return false;
    if (cache->run_pages + pages > RUN_CACHE_PAGES)
        make_room(heap, cache, (RUN_CACHE_PAGES - pages) / 2);
    uint32_t bin = _mpk_heap_bin(pages);
    span->next = cache->runs[bin];
    list_store(cache, bin, span);
    cache->run_pages += pages;
    return true;
}

/* Lists, not the count, decide: that may be torn (heap_fork.c). */
void _mpk_heap_cache_drop_runs(struct heap *heap, struct cache *cache) {
    for (uint32_t bin = 0; bin < RUN_BINS; bin++) {
        for (struct span *span = cache->runs[bin], *next; span; span = next) {
            next = span->next;
            _mpk_heap_run_free(heap, span);
        }
        list_store(cache, bin, NULL);
    }
    cache->run_pages = 0;
}
