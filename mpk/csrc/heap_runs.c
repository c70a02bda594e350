/* heap_runs.c - the runs that a thread has freed and keeps for a while: a buffer that
 * comes and goes costs no lock, no split, no coalescing, and no fresh page.
 *
 * Invariants:
 *  - a run here is SPAN_BUSY, private (never shared any more), of at most
 *    RUN_CACHE_LONGEST pages, in the list of its length's bin, and dirty; all together
 *    have run_pages, and run_pages + ahead_pages <= RUN_CACHE_PAGES;
 *  - the head of a list is the last thing that a push or a pop writes, so that lists
 *    are whole at every instant (heap_fork.c).
 *
 * A run may be up to an eighth longer than asked for: its owner has the rest, as
 * pages that it does not touch. For a buffer that grows it may be longer still: the
 * rest is *ahead* of its need, and counts as kept by the cache until the buffer dies or
 * changes its run, so that a thread never withholds more than RUN_CACHE_PAGES.
 *
 * Attacker: as heap_pages.c.
 */
#include "heap.h"

static void list_store(struct cache *cache, uint32_t bin, struct span *head) {
    __atomic_store_n(&cache->runs[bin], head, __ATOMIC_RELEASE);
}

static void take(struct cache *cache, uint32_t bin, struct span *head) {
    cache->run_pages -= head->pages;
    if (cache->idle_run_pages > cache->run_pages)
        cache->idle_run_pages = cache->run_pages;
    list_store(cache, bin, head->next);
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
    take(cache, bin, span);
    return span;
}

/* The longest go first: there are few of them. */
static void make_room(struct heap *heap, struct cache *cache, uint32_t most) {
    for (uint32_t bin = RUN_BINS; bin-- > 0 && cache->run_pages > most;) {
        for (struct span *span; cache->run_pages > most && (span = cache->runs[bin]);) {
            take(cache, bin, span);
            _mpk_heap_run_free(heap, span);
        }
    }
}

struct span *_mpk_heap_run_ahead(struct cache *cache, size_t pages) {
    uint32_t bin = cache->last_run;
    struct span *span = cache->runs[bin];
    if (!span || span->pages < pages)
        return NULL;
    uint16_t ahead = (uint16_t)(span->pages - pages);
    take(cache, bin, span);
    atomic_fetch_add_explicit(&cache->ahead_pages, ahead, memory_order_relaxed);
    atomic_store_explicit(&span->large.ahead, ahead, memory_order_relaxed);
    span->large.lender = (uint16_t)cache->id;
    return span;
}

void _mpk_heap_ahead_end(struct heap *heap, struct span *span) {
    if (!atomic_load_explicit(&span->large.ahead, memory_order_relaxed))
        return;
    uint16_t ahead = atomic_exchange_explicit(&span->large.ahead, 0, memory_order_relaxed);
    if (ahead)
        atomic_fetch_sub_explicit(&heap->caches[span->large.lender - 1]->ahead_pages, ahead, memory_order_relaxed);
}

bool _mpk_heap_cache_run(struct heap *heap, struct cache *cache, struct span *span) {
    uint32_t pages = span->pages;
    uint32_t most = RUN_CACHE_PAGES - atomic_load_explicit(&cache->ahead_pages, memory_order_relaxed);
    if (pages > RUN_CACHE_LONGEST || pages > most)
        return false;
    if (cache->run_pages + pages > most)
        make_room(heap, cache, (most - pages) / 2);
    uint32_t bin = _mpk_heap_bin(pages);
    span->next = cache->runs[bin];
    list_store(cache, bin, span);
    cache->last_run = bin;
    cache->run_pages += pages;
    return true;
}

void _mpk_heap_trim_runs(struct heap *heap, struct cache *cache) {
    make_room(heap, cache, cache->run_pages - cache->idle_run_pages);
    cache->idle_run_pages = cache->run_pages;
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
    cache->idle_run_pages = 0;
}
