/* heap_class.c - size classes, and the way of small blocks between a thread's bins
 * and its spans.
 *
 * The classes lie on a grid of 8 bytes up to 256, then eight to a doubling; each
 * doubling has one more just above the power of two, because requests for a
 * power of two are frequent and need a byte of slack. A class of size s serves
 * alignments up to the lowest set bit of s: block 0 and the size are multiples.
 *
 * Invariants, for the owner of a span, or under the class's lock if it is abandoned:
 *  - it is in its owner's partial list exactly when it has a free or a fresh block,
 *    else in the full one. A span with nothing but those is given back, unless it is
 *    alone in the list, so an owner keeps at most one of a class;
 *  - length of a span's free list == fresh_from - taken; a block on it has size word
 *    0, and taking it looks (heap.h on two threads that free at once);
 *  - unit words change under the class's lock only.
 *
 * Source: [tcmalloc] size classes; [mimalloc] owned spans.
 */
#include <string.h>
#include "heap_debug.h"
#include "heap_harden.h"

#define BATCH_BYTES 65536
#define BATCH_MIN 4
#define BATCH_MAX 512
#define FRESH_LEAST 16 /* blocks that a new span gives at first; then as many as it gave before */

static uint32_t lowest_bit(uint32_t value) { return value & -value; }

static void add_class(struct heap *heap, uint32_t number, uint32_t size) {
    uint32_t align = lowest_bit(size);
    uint32_t span_bytes = SMALL_PAGES * MPK_PAGE_BYTES;
    uint32_t capacity = span_bytes / (size + (uint32_t)sizeof(uint16_t));
    uint32_t first;
    for (;; capacity--) {
        first = (capacity * (uint32_t)sizeof(uint16_t) + align - 1) & ~(align - 1);
        if (first + capacity * size <= span_bytes)
            break;
    }
    uint32_t batch = BATCH_BYTES / size;
    heap->classes[number] = (struct size_class){
        .size = size,
        .reciprocal = (uint32_t)(((1ull << 32) + size - 1) / size),
        .first = first,
        .extent = size * capacity,
        .capacity = (uint16_t)capacity,
        .batch = (uint16_t)(batch < BATCH_MIN ? BATCH_MIN : batch > BATCH_MAX ? BATCH_MAX : batch),
    };
}

void _mpk_heap_classes_init(struct heap *heap) {
    uint32_t number = 0;
    for (uint32_t size = 8; size <= 256; size += 8)
        add_class(heap, number++, size);
    for (uint32_t power = 256; power < MPK_PAGE_BYTES; power *= 2) {
        add_class(heap, number++, power + 16);
        for (uint32_t size = power + power / 8; size <= 2 * power; size += power / 8)
            add_class(heap, number++, size);
    }
    if (number != CLASSES)
        _mpk_fatal("mpk heap: %u size classes made, %u planned", number, CLASSES);
    for (uint32_t units = 1; units <= MPK_PAGE_BYTES / 8; units++) {
        uint32_t class_ = 0;
        while (heap->classes[class_].size < units * 8)
            class_++;
        heap->unit_for[units] = (uint16_t)unit_from_class(class_);
        while (heap->classes[class_].size % 16)
            class_++;
        heap->unit_for_16[units] = (uint16_t)unit_from_class(class_);
    }
}

static void list_push(struct span **list, struct span *span) {
    span->prev = NULL;
    span->next = *list;
    if (*list)
        (*list)->prev = span;
    *list = span;
}

static void list_remove(struct span **list, struct span *span) {
    if (span->prev)
        span->prev->next = span->next;
    else
        *list = span->next;
    if (span->next)
        span->next->prev = span->prev;
}

/* pre: the class's lock is held. */
static void set_unit(struct heap *heap, const struct span *span, uint32_t unit) {
    atomic_store_explicit(unit_word(heap, load_start(span)), unit, memory_order_release);
}

static struct span *new_span(struct heap *heap, struct cache *cache, uint32_t number) {
    const struct size_class *class_ = &heap->classes[number];
    struct heap_lock *lock = &heap->centrals[number].lock;
    bool zero;
    _mpk_heap_sweep(heap, cache);
    struct span *span = _mpk_heap_run_alloc(heap, SMALL_PAGES, SMALL_BYTES, &zero);
    if (!span)
        return NULL;
    if (!zero)
        memset((void *)load_start(span), 0, class_->capacity * sizeof(uint16_t));
    heap_lock(lock);
    span->small.list = NULL;
    span->small.fresh_from = 0;
    span->small.taken = 0;
    atomic_store_explicit(&span->small.marks, NULL, memory_order_relaxed);
    if (UNLIKELY(heap->parts & MPK_HEAP_RANDOM))
        _mpk_heap_scatter(heap, span, class_);
    atomic_store_explicit(&span->tag, span_tag(SPAN_SMALL, number), memory_order_release);
    set_unit(heap, span, unit_from_class(number) | cache->id << UNIT_OWNER_SHIFT | heap->new_exact);
    heap_unlock(lock);
    list_push(&cache->spans[number].partial, span);
    return span;
}

/* pre: the class's lock is held; the span is in no list. */
static void release_span(struct heap *heap, struct central *central, struct span *span) {
    void *marks = atomic_load_explicit(&span->small.marks, memory_order_relaxed);
    if (marks) {
        *(void **)marks = central->spare_marks;
        central->spare_marks = marks;
    }
    set_unit(heap, span, 0);
    atomic_store_explicit(&span->tag, span_tag(SPAN_BUSY, 0), memory_order_release);
    _mpk_heap_run_free(heap, span);
}

/* One that its owner's thread left behind, with room. */
static struct span *adopt_span(struct heap *heap, struct cache *cache, uint32_t number) {
    struct central *central = &heap->centrals[number];
    heap_lock(&central->lock);
    struct span *span = central->abandoned.partial;
    if (span) {
        list_remove(&central->abandoned.partial, span);
        set_unit(heap, span, unit_of(heap, load_start(span)) | cache->id << UNIT_OWNER_SHIFT);
        list_push(&cache->spans[number].partial, span);
    }
    heap_unlock(&central->lock);
    return span;
}

void _mpk_heap_class_reclaim(struct heap *heap, uint32_t number) {
    struct central *central = &heap->centrals[number];
    heap_lock(&central->lock);
    for (struct span *span = central->abandoned.partial, *next; span; span = next) {
        next = span->next;
        if (span->small.taken == 0) {
            list_remove(&central->abandoned.partial, span);
            release_span(heap, central, span);
        }
    }
    heap_unlock(&central->lock);
}

void _mpk_heap_abandon(struct heap *heap, struct cache *cache) {
    for (uint32_t number = 0; number < CLASSES; number++) {
        struct span_lists *own = &cache->spans[number];
        struct central *central = &heap->centrals[number];
        if (!own->partial && !own->full)
            continue;
        heap_lock(&central->lock);
        for (struct span *span; (span = own->partial ? own->partial : own->full);) {
            bool full = !own->partial;
            list_remove(full ? &own->full : &own->partial, span);
            set_unit(heap, span, unit_of(heap, load_start(span)) & (UNIT_EXACT | UINT16_MAX));
            if (span->small.taken == 0)
                release_span(heap, central, span);
            else
                list_push(full ? &central->abandoned.full : &central->abandoned.partial, span);
        }
        heap_unlock(&central->lock);
    }
}

/* Up to want blocks of one span onto the bin. Fresh ones only a few at first, so that
 * a thread that needs little touches little: true says that some came. */
static bool take(const struct size_class *class_, struct span *span, struct cache_bin *bin, uint32_t want) {
    uintptr_t start = load_start(span), first = start + class_->first;
    void **top = bin->top, **full = top + want;
    void *block = span->small.list;
    while (top < full && block) {
        uintptr_t offset = (uintptr_t)block - first;
        if (offset >= class_->extent ||
            atomic_load_explicit(size_word(start, block_index(class_, (uint32_t)offset)), memory_order_relaxed))
            _mpk_heap_damaged(block);
        *top++ = block;
        block = *(void **)block;
    }
    span->small.list = block;
    uint32_t fresh = class_->capacity - span->small.fresh_from;
    uint32_t few = span->small.fresh_from < FRESH_LEAST ? FRESH_LEAST : span->small.fresh_from;
    if (fresh > few)
        fresh = few;
    if (fresh > full - top)
        fresh = (uint32_t)(full - top);
    /* The last one first, so that they are used in address order. */
    span->small.fresh_from = (uint16_t)(span->small.fresh_from + fresh);
    for (uint32_t i = 1; i <= fresh; i++)
        *top++ = (void *)(first + (size_t)(span->small.fresh_from - i) * class_->size);
    span->small.taken = (uint16_t)(span->small.taken + (top - bin->top));
    bin->top = top;
    return fresh != 0;
}

bool _mpk_heap_refill(struct heap *heap, struct cache *cache, uint32_t number) {
    const struct size_class *class_ = &heap->classes[number];
    struct cache_bin *bin = &cache->bins[number];
    struct span_lists *own = &cache->spans[number];
    if (atomic_load_explicit(&cache->mail, memory_order_relaxed))
        _mpk_heap_read_mail(heap, cache);
    bool fresh = false;
    for (uint32_t count; !fresh && (count = bin_count(class_, bin)) < class_->batch;) {
        struct span *span = own->partial;
        if (!span) {
            if (count || (!(span = adopt_span(heap, cache, number)) &&
                          !(span = new_span(heap, cache, number))))
                break;
        }
        fresh = take(class_, span, bin, class_->batch - count);
        if (span->small.taken == class_->capacity) {
            list_remove(&own->partial, span);
            list_push(&own->full, span);
        }
    }
    return !bin_empty(bin);
}

/* pre: the span is empty, and not the only one with room that its owner has. */
static __attribute__((noinline)) void retire(struct heap *heap, struct span_lists *lists, struct span *span,
                                             bool locked) {
    struct central *central = &heap->centrals[span_class(load_tag(span))];
    list_remove(&lists->partial, span);
    if (!locked)
        heap_lock(&central->lock);
    release_span(heap, central, span);
    if (!locked)
        heap_unlock(&central->lock);
}

static inline void give(struct heap *heap, struct span_lists *lists, struct span *span, uint32_t capacity,
                        void *block, bool locked) {
    *(void **)block = span->small.list;
    span->small.list = block;
    uint32_t taken = span->small.taken--;
    if (taken == capacity) {
        list_remove(&lists->full, span);
        list_push(&lists->partial, span);
    }
    if (taken == 1 && (span->prev || span->next))
        retire(heap, lists, span, locked);
}

void _mpk_heap_give_block(struct heap *heap, struct span_lists *lists, struct span *span, void *block,
                          bool locked) {
    HEAP_ASSERT(is_idle_block(heap, unit_of(heap, load_start(span)), block));
    give(heap, lists, span, heap->classes[span_class(load_tag(span))].capacity, block, locked);
}

void _mpk_heap_flush(struct heap *heap, struct cache *cache, uint32_t number, uint32_t count) {
    const struct size_class *class_ = &heap->classes[number];
    struct cache_bin *bin = &cache->bins[number];
    void **slots = bin_slots(class_, bin);
    for (uint32_t i = 0; i < count;) {
        uintptr_t start = small_start((uintptr_t)slots[i]);
        struct span *span = span_of(heap, start);
        do /* the last of its blocks may be the end of the span, and there is none behind it */
            give(heap, &cache->spans[number], span, class_->capacity, slots[i++], false);
        while (i < count && small_start((uintptr_t)slots[i]) == start);
    }
    uint32_t left = bin_count(class_, bin) - count;
    memmove(slots, slots + count, left * sizeof(void *));
    bin->top = slots + left;
}

void _mpk_heap_class_trim(struct heap *heap, struct cache *cache, uint32_t number) {
    uint32_t count = bin_count(&heap->classes[number], &cache->bins[number]);
    if (count)
        _mpk_heap_flush(heap, cache, number, count);
    struct span_lists *own = &cache->spans[number];
    if (own->partial && own->partial->small.taken == 0) /* then it is alone in the list */
        retire(heap, own, own->partial, false);
}

void _mpk_heap_span_rebuild(struct heap *heap, struct span *span) {
    uint32_t number = span_class(load_tag(span));
    const struct size_class *class_ = &heap->classes[number];
    struct central *central = &heap->centrals[number];
    uintptr_t start = load_start(span);
    span->small.list = NULL;
    span->small.taken = 0;
    /* fresh_from may be older than the words (heap_fork.c). */
    uint32_t used = class_->capacity;
    while (used > span->small.fresh_from && !atomic_load_explicit(size_word(start, used - 1), memory_order_relaxed))
        used--;
    span->small.fresh_from = (uint16_t)used;
    for (uint32_t index = used; index-- > 0;) {
        _Atomic uint16_t *word = size_word(start, index);
        if (atomic_load_explicit(word, memory_order_relaxed) & SIZE_LIVE) {
            span->small.taken++;
            continue;
        }
        atomic_store_explicit(word, 0, memory_order_relaxed);
        void **block = (void **)(start + class_->first + (uintptr_t)index * class_->size);
        *block = span->small.list;
        span->small.list = block;
    }
    set_unit(heap, span, unit_of(heap, start) & (UNIT_EXACT | UINT16_MAX));
    if (span->small.taken == 0)
        release_span(heap, central, span);
    else
        list_push(span->small.taken == class_->capacity ? &central->abandoned.full : &central->abandoned.partial,
                  span);
}
