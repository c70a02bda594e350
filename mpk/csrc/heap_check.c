/* heap_check.c - every invariant of the heap, tested; and its statistics.
 *
 * All locks are held meanwhile, so every span stays what and whose it is. Other
 * threads may go on using their caches and spans: what is in those (is every block
 * accounted for?) is only looked at when the caller knows that nobody else is in the
 * heap (quiet).
 *
 * Each HOLDS names one invariant; a broken one is reported by its line here.
 */
#include "heap_debug.h"
#include "heap_harden.h"

#define HOLDS(condition) do { if (!(condition)) return __LINE__; } while (0)

struct view {                   /* what may be looked into */
    bool quiet;
    uint32_t owner;             /* of the calling thread's spans; 0: it has none */
};
struct totals {
    size_t known_blocks[CLASSES], taken[CLASSES]; /* of the spans looked into; known: live or sent */
    size_t partial[CLASSES], full[CLASSES];
    size_t free_pages, dirty_pages, free_runs;
    struct mpk_heap_stats stats;
};

/* A block of the class that nobody has. */
static int check_block(const struct heap *heap, uint32_t number, void *block) {
    const struct size_class *class_ = &heap->classes[number];
    uintptr_t address = (uintptr_t)block;
    HOLDS(address - heap->low < heap->high - heap->low);
    HOLDS((uint16_t)unit_of(heap, address) == unit_from_class(number));
    uint32_t offset = small_offset(class_, address), index = offset / class_->size;
    HOLDS(offset < class_->extent && offset % class_->size == 0);
    HOLDS(block_index(class_, offset) == index && is_block_start(class_, offset));
    HOLDS(atomic_load(size_word(address, index)) == 0);
    const struct span *span = span_of(heap, address);
    HOLDS(span && load_tag(span) == span_tag(SPAN_SMALL, number) && index < span->small.fresh_from);
    return 0;
}

static int check_list(const struct heap *heap, const struct span *span, uint32_t number) {
    uint32_t count = 0;
    for (void *block = span->small.list; block; block = *(void **)block) {
        int line = check_block(heap, number, block);
        if (line)
            return line;
        HOLDS(span_of(heap, (uintptr_t)block) == span);
        HOLDS(++count <= heap->classes[number].capacity); /* no cycle */
    }
    HOLDS(count == (uint32_t)span->small.fresh_from - span->small.taken);
    return 0;
}

/* Its words may change meanwhile, but for an abandoned span's or the caller's own. */
static int check_small(const struct heap *heap, const struct span *span, const struct view *view,
                       struct totals *totals) {
    uint32_t number = span_class(load_tag(span));
    HOLDS(number < CLASSES && span->pages == SMALL_PAGES);
    uint32_t unit = unit_of(heap, load_start(span)), owner = unit_owner(unit);
    HOLDS(load_start(span) % SMALL_BYTES == 0 && (uint16_t)unit == unit_from_class(number));
    HOLDS(!owner || (owner <= MPK_THREADS && heap->caches[owner - 1]));
    const struct size_class *class_ = &heap->classes[number];
    bool steady = view->quiet || !owner || owner == view->owner;
    uint32_t known = 0;
    for (uint32_t index = 0; index < class_->capacity; index++) {
        uint32_t word = atomic_load(size_word(load_start(span), index));
        if (!word)
            continue;
        HOLDS(!steady || index < span->small.fresh_from);
        known++;
        if (word == SIZE_SENT)
            continue;
        HOLDS((word & SIZE_LIVE) && !(word & SIZE_SENT));
        HOLDS((word & SIZE_BYTES) < class_->size);
        HOLDS(!(word & SIZE_MARKED) || atomic_load(&span->small.marks));
        totals->stats.live_allocations++;
        totals->stats.live_bytes += word & SIZE_BYTES;
    }
    if (!steady)
        return 0;
    HOLDS(span->small.taken <= span->small.fresh_from && span->small.fresh_from <= class_->capacity);
    HOLDS(known <= span->small.taken);
    totals->known_blocks[number] += known;
    totals->taken[number] += span->small.taken;
    totals->partial[number] += span->small.taken < class_->capacity;
    totals->full[number] += span->small.taken == class_->capacity;
    return check_list(heap, span, number);
}

static int check_large(const struct heap *heap, const struct span *span, struct totals *totals) {
    size_t bytes = atomic_load(&span->large.bytes);
    size_t shared = atomic_load(&span->large.shared_pages);
    uint32_t ahead = atomic_load(&span->large.ahead);
    HOLDS(large_pages(bytes) <= span->pages);
    HOLDS(unit_of(heap, load_start(span)) == 0);
    HOLDS(shared <= span->pages);
    HOLDS(!ahead || (ahead <= span->pages && span->large.lender && span->large.lender <= MPK_THREADS));
    if (__atomic_load_n(&span->large.guarded, __ATOMIC_RELAXED)) {
        const struct span *front = span_of(heap, load_start(span) - 1);
        const struct span *back = span_of(heap, load_start(span) + (size_t)span->pages * MPK_PAGE_BYTES);
        HOLDS(front && span_kind(load_tag(front)) == SPAN_GUARD);
        HOLDS(back && span_kind(load_tag(back)) == SPAN_GUARD);
    }
    totals->stats.live_bytes += bytes;
    totals->stats.live_allocations++;
    totals->stats.shared_bytes += shared * MPK_PAGE_BYTES;
    return 0;
}

/* The spans from heap->low to heap->high, one behind the other. */
static int check_tiling(const struct heap *heap, const struct view *view, struct totals *totals) {
    bool free_before = false;
    size_t metadata_pages = 0;
    HOLDS(heap->high <= heap->base + heap->domain->committed);
    for (uintptr_t at = heap->low; at < heap->high;) {
        const struct span *span = span_of(heap, at);
        bool is_free = false;
        size_t pages = 1;
        HOLDS(span);
        metadata_pages += span == &heap->metadata;
        if (span != &heap->metadata) {
            pages = span->pages;
            HOLDS(load_start(span) == at && pages > 0 && pages <= (heap->high - at) >> PAGE_SHIFT);
            enum span_kind kind = span_kind(load_tag(span));
            is_free = kind == SPAN_FREE;
            totals->stats.guard_bytes += kind == SPAN_GUARD ? pages * MPK_PAGE_BYTES : 0;
            totals->stats.retired_bytes += kind == SPAN_RETIRED ? pages * MPK_PAGE_BYTES : 0;
            HOLDS(kind != SPAN_SPARE && kind != SPAN_METADATA);
            HOLDS(!(is_free && free_before));
            HOLDS(span_of(heap, at + (pages - 1) * MPK_PAGE_BYTES) == span);
            for (size_t page = 1; !is_free && page < pages; page++)
                HOLDS(span_of(heap, at + page * MPK_PAGE_BYTES) == span);
            int line = kind == SPAN_SMALL ? check_small(heap, span, view, totals)
                     : kind == SPAN_LARGE ? check_large(heap, span, totals) : 0;
            if (line)
                return line;
            totals->free_runs += is_free;
        }
        free_before = is_free;
        at += pages * MPK_PAGE_BYTES;
    }
    HOLDS(metadata_pages == heap->metadata_pages);
    return 0;
}

static int check_bins(const struct heap *heap, const struct totals *tiling) {
    size_t free_pages = 0, dirty_pages = 0, runs = 0, spares = 0;
    for (uint32_t bin = 0; bin < BINS; bin++) {
        const struct span *before = NULL;
        HOLDS(!heap->bins[bin] == !(heap->bin_map[bin / 64] >> bin % 64 & 1));
        for (const struct span *span = heap->bins[bin]; span; before = span, span = span->next) {
            HOLDS(++runs <= tiling->free_runs);
            HOLDS(span_kind(load_tag(span)) == SPAN_FREE && span->prev == before);
            HOLDS(_mpk_heap_bin(span->pages) == bin);
            HOLDS(span_of(heap, load_start(span)) == span && span->free.dirty <= span->pages);
            free_pages += span->pages;
            dirty_pages += span->free.dirty;
        }
    }
    HOLDS(runs == tiling->free_runs);
    HOLDS(free_pages == heap->free_pages && dirty_pages == heap->dirty_pages);
    for (const struct span *span = heap->spare; span; span = span->next) {
        HOLDS(span_kind(load_tag(span)) == SPAN_SPARE);
        HOLDS(++spares <= heap->spares);
    }
    HOLDS(spares == heap->spares && heap->bump <= heap->bump_end);
    return 0;
}

/* The lists of one owner (0: the abandoned ones); counts them off the totals. */
static int check_lists(const struct heap *heap, const struct span_lists *lists, uint32_t number,
                       uint32_t owner, struct totals *totals) {
    const struct span *before = NULL;
    size_t empty = 0;
    for (const struct span *span = lists->partial; span; before = span, span = span->next) {
        HOLDS(totals->partial[number]-- > 0 && span->prev == before);
        HOLDS(load_tag(span) == span_tag(SPAN_SMALL, number));
        HOLDS(unit_owner(unit_of(heap, load_start(span))) == owner);
        HOLDS(span->small.taken < heap->classes[number].capacity);
        empty += span->small.taken == 0;
    }
    HOLDS(empty <= 1);
    before = NULL;
    for (const struct span *span = lists->full; span; before = span, span = span->next) {
        HOLDS(totals->full[number]-- > 0 && span->prev == before);
        HOLDS(load_tag(span) == span_tag(SPAN_SMALL, number));
        HOLDS(unit_owner(unit_of(heap, load_start(span))) == owner);
        HOLDS(span->small.taken == heap->classes[number].capacity);
    }
    return 0;
}

static int check_quarantine(const struct heap *heap, const struct quarantine *quarantine) {
    for (uint32_t i = 0; i < QUARANTINE_BLOCKS; i++) {
        uintptr_t block = (uintptr_t)quarantine->blocks[i];
        uint32_t unit = block ? unit_of(heap, block) : 0;
        HOLDS(!block || unit);
        if (!block)
            continue;
        const struct size_class *class_ = unit_class(heap, unit);
        HOLDS(is_block_start(class_, small_offset(class_, block)));
        HOLDS(atomic_load(size_word(block, block_index(class_, small_offset(class_, block)))) == SIZE_SENT);
    }
    for (uint32_t i = 0; i < QUARANTINE_RUNS; i++) {
        const struct span *span = quarantine->runs[i];
        HOLDS(!span || (load_tag(span) == span_tag(SPAN_BUSY, 0) && span->pages <= QUARANTINE_LONGEST));
    }
    return 0;
}

/* pre: the cache's owner is the caller, or not in the heap. */
static int check_cache(const struct heap *heap, uint32_t slot, struct totals *totals) {
    const struct cache *cache = heap->caches[slot];
    bool owned = atomic_load(&cache->owner) != 0;
    uint32_t run_pages = 0;
    HOLDS(cache->id == slot + 1 && owned == (atomic_load(&cache->mail) != MAIL_CLOSED));
    HOLDS(cache->posted.count < POSTED_MOST && (owned || !cache->posted.count));
    for (uint32_t number = 0; number < CLASSES; number++) {
        const struct cache_bin *bin = &cache->bins[number];
        void *const *slots = bin_slots(&heap->classes[number], bin);
        uint32_t count = bin_count(&heap->classes[number], bin);
        HOLDS(bin->top >= slots && bin->top < bin->end && !slots[-1]);
        HOLDS(owned || !count);
        for (uint32_t i = 0; i < count; i++) {
            int line = check_block(heap, number, slots[i]);
            if (line)
                return line;
            HOLDS(unit_owner(unit_of(heap, (uintptr_t)slots[i])) == cache->id);
        }
        totals->known_blocks[number] += count;
        int line = check_lists(heap, &cache->spans[number], number, cache->id, totals);
        if (line)
            return line;
    }
    for (uint32_t bin = 0; bin < RUN_BINS; bin++) {
        for (const struct span *span = cache->runs[bin]; span; span = span->next) {
            HOLDS(load_tag(span) == span_tag(SPAN_BUSY, 0) && _mpk_heap_bin(span->pages) == bin);
            run_pages += span->pages;
            HOLDS(run_pages + atomic_load(&cache->ahead_pages) <= RUN_CACHE_PAGES);
        }
    }
    HOLDS(run_pages == cache->run_pages);
    return cache->quarantine ? check_quarantine(heap, cache->quarantine) : 0;
}

static int check_locked(const struct heap *heap, const struct view *view, struct totals *totals) {
    int line = check_tiling(heap, view, totals);
    if (line || (line = check_bins(heap, totals)))
        return line;
    for (uint32_t slot = 0; slot < MPK_THREADS; slot++)
        if ((view->quiet || slot + 1 == view->owner) && heap->caches[slot] &&
            (line = check_cache(heap, slot, totals)))
            return line;
    for (uint32_t number = 0; number < CLASSES; number++) {
        if ((line = check_lists(heap, &heap->centrals[number].abandoned, number, 0, totals)))
            return line;
        HOLDS(!totals->partial[number] && !totals->full[number]); /* each is in a list */
        HOLDS(totals->known_blocks[number] == totals->taken[number]); /* none is lost */
    }
    return 0;
}

static struct view view_of(const struct heap *heap, bool quiet) {
    uint32_t slot = _mpk_thread()->slot;
    return (struct view){quiet, heap->caches[slot] ? slot + 1 : 0};
}

static int check(mpk_domain *domain, bool quiet) {
    struct heap *heap = domain->heap;
    struct totals totals = {0};
    struct view view = view_of(heap, quiet);
    _mpk_heap_lock_all(heap);
    int line = check_locked(heap, &view, &totals);
    _mpk_heap_unlock_all(heap);
    return line;
}

void _mpk_heap_debug_step(struct heap *heap) {
    if (atomic_fetch_add_explicit(&heap->debug_steps, 1, memory_order_relaxed) % MPK_HEAP_DEBUG_EVERY)
        return;
    int line = check(heap->domain, false);
    if (line)
        _mpk_fatal("mpk heap: the domain at %p is broken (heap_check.c:%d)", (void *)heap->base, line);
}

int mpk_heap_check(mpk_domain *domain) { return check(domain, false); }
int _mpk_heap_check_quiet(mpk_domain *domain) { return check(domain, true); }

void mpk_heap_statistics(mpk_domain *domain, struct mpk_heap_stats *out) {
    struct heap *heap = domain->heap;
    struct totals totals = {0};
    struct view view = view_of(heap, false);
    _mpk_heap_lock_all(heap);
    int line = check_tiling(heap, &view, &totals);
    *out = totals.stats;
    out->used_bytes = used_pages(heap) * MPK_PAGE_BYTES;
    out->limit_bytes = heap->limit_pages == SIZE_MAX ? 0 : heap->limit_pages * MPK_PAGE_BYTES;
    out->metadata_bytes = heap->metadata_pages * MPK_PAGE_BYTES;
    out->guard_bytes = totals.stats.guard_bytes;
    out->dirty_bytes = heap->dirty_pages * MPK_PAGE_BYTES;
    out->reserved_bytes = domain->bytes;
    out->committed_bytes = domain->committed;
    _mpk_heap_unlock_all(heap);
    if (line)
        _mpk_fatal("mpk heap: the domain at %p is broken (heap_check.c:%d)", (void *)heap->base, line);
}
