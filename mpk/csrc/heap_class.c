/* heap_class.c - size classes, and the way of small blocks between the spans of
 * a class and the threads' caches.
 *
 * The classes lie on a grid of 8 bytes up to 256, then eight to a doubling; each
 * doubling has one more just above the power of two, because requests for a
 * power of two are frequent and need a byte of slack. A class of size s serves
 * alignments up to the lowest set bit of s: block 0 and the size are multiples.
 *
 * Invariants, under the class's lock:
 *  - a span is in its class's partial list exactly when it has a free or a fresh
 *    block; one with nothing but those is given back, unless it is alone in the
 *    list, so a class keeps at most one of them;
 *  - length of a span's free list == fresh_from - taken;
 *  - blocks in the ready batches count as taken;
 *  - what moves between a bin and the spans moves while the lock is held, so
 *    that a fork (which takes every lock) never loses a batch in between.
 *
 * Source: [tcmalloc] central free lists.
 */
#include <string.h>
#include "heap.h"

#define BATCH_BYTES 16384
#define BATCH_MIN 4

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
        uint8_t class_ = 0;
        while (heap->classes[class_].size < units * 8)
            class_++;
        heap->class_of[0][units] = class_;
        while (heap->classes[class_].size % 16)
            class_++;
        heap->class_of[1][units] = class_;
    }
}

static void list_push(struct central *central, struct span *span) {
    span->prev = NULL;
    span->next = central->partial;
    if (central->partial)
        central->partial->prev = span;
    central->partial = span;
}

static void list_remove(struct central *central, struct span *span) {
    if (span->prev)
        span->prev->next = span->next;
    else
        central->partial = span->next;
    if (span->next)
        span->next->prev = span->prev;
}

static void set_unit(struct heap *heap, uintptr_t start, uint16_t unit) {
    atomic_store_explicit(unit_word(heap, start), unit, memory_order_release);
}

static struct span *new_span(struct heap *heap, uint32_t number) {
    const struct size_class *class_ = &heap->classes[number];
    bool zero;
    struct span *span = _mpk_heap_run_alloc(heap, SMALL_PAGES, SMALL_BYTES, &zero);
    if (!span)
        return NULL;
    uintptr_t start = load_start(span);
    if (!zero)
        memset((void *)start, 0, class_->capacity * sizeof(uint16_t));
    span->small.list = NULL;
    span->small.fresh_from = 0;
    span->small.taken = 0;
    atomic_store_explicit(&span->small.marks, NULL, memory_order_relaxed);
    atomic_store_explicit(&span->tag, span_tag(SPAN_SMALL, number), memory_order_release);
    set_unit(heap, start, unit_from_class(number));
    list_push(&heap->centrals[number], span);
    return span;
}

static void release_span(struct heap *heap, struct central *central, struct span *span) {
    void *marks = atomic_load_explicit(&span->small.marks, memory_order_relaxed);
    if (marks) {
        *(void **)marks = central->spare_marks;
        central->spare_marks = marks;
    }
    list_remove(central, span);
    set_unit(heap, load_start(span), 0);
    atomic_store_explicit(&span->tag, span_tag(SPAN_BUSY, 0), memory_order_release);
    _mpk_heap_run_free(heap, span);
}

/* Up to want blocks of one span onto the bin. */
static uint32_t take(const struct size_class *class_, struct span *span, struct cache_bin *bin,
                     uint32_t want) {
    uint32_t got = 0;
    while (got < want && span->small.list) {
        void *block = span->small.list;
        span->small.list = *(void **)block;
        bin->slots[bin->count + got++] = block;
    }
    uint32_t fresh = class_->capacity - span->small.fresh_from;
    if (fresh > want - got)
        fresh = want - got;
    /* The last one first, so that they are used in address order. */
    uintptr_t first = load_start(span) + class_->first;
    span->small.fresh_from = (uint16_t)(span->small.fresh_from + fresh);
    for (uint32_t i = 1; i <= fresh; i++)
        bin->slots[bin->count + got++] =
            (void *)(first + (size_t)(span->small.fresh_from - i) * class_->size);
    span->small.taken = (uint16_t)(span->small.taken + got);
    bin->count += got;
    return got;
}

bool _mpk_heap_refill(struct heap *heap, struct cache_bin *bin, uint32_t number) {
    const struct size_class *class_ = &heap->classes[number];
    struct central *central = &heap->centrals[number];
    uint32_t want = class_->batch;
    heap_lock(&central->lock);
    if (central->ready_count) {
        memcpy(bin->slots, central->ready[--central->ready_count], want * sizeof(void *));
        bin->count = want;
        want = 0;
    }
    while (want > 0) {
        struct span *span = central->partial;
        if (!span) {
            if (want < class_->batch || !(span = new_span(heap, number)))
                break;
        }
        want -= take(class_, span, bin, want);
        if (span->small.taken == class_->capacity)
            list_remove(central, span);
    }
    heap_unlock(&central->lock);
    return want < class_->batch;
}

static void give_block(struct heap *heap, struct central *central, uint32_t capacity, void *block) {
    struct span *span = span_of(heap, (uintptr_t)block);
    *(void **)block = span->small.list;
    span->small.list = block;
    if (span->small.taken-- == capacity)
        list_push(central, span);
    if (span->small.taken == 0 && (span->prev || span->next))
        release_span(heap, central, span);
}

void _mpk_heap_class_reclaim(struct heap *heap, uint32_t number) {
    const struct size_class *class_ = &heap->classes[number];
    struct central *central = &heap->centrals[number];
    heap_lock(&central->lock);
    while (central->ready_count) {
        void **batch = central->ready[--central->ready_count];
        for (uint32_t i = 0; i < class_->batch; i++)
            give_block(heap, central, class_->capacity, batch[i]);
    }
    for (struct span *span = central->partial, *next; span; span = next) {
        next = span->next;
        if (span->small.taken == 0)
            release_span(heap, central, span);
    }
    heap_unlock(&central->lock);
}

void _mpk_heap_flush(struct heap *heap, struct cache_bin *bin, uint32_t number, uint32_t count) {
    const struct size_class *class_ = &heap->classes[number];
    struct central *central = &heap->centrals[number];
    heap_lock(&central->lock);
    if (count == class_->batch && central->ready_count < READY_BATCHES)
        memcpy(central->ready[central->ready_count++], bin->slots, count * sizeof(void *));
    else
        for (uint32_t i = 0; i < count; i++)
            give_block(heap, central, class_->capacity, bin->slots[i]);
    bin->count -= count;
    memmove(bin->slots, bin->slots + count, bin->count * sizeof(void *));
    heap_unlock(&central->lock);
}
