/* heap_address.h - from an address to what lies there: span, unit word, class, block.
 * Part of heap.h, which includes it where everything that it needs is declared.
 *
 * Invariant: each answer is exact for an address whose allocation lives; for any
 * other it may be stale, and the caller compares before it believes.
 */
#ifndef GALEED_MPK_HEAP_ADDRESS_H
#define GALEED_MPK_HEAP_ADDRESS_H

static inline enum span_kind span_kind(uint32_t tag) { return (enum span_kind)(tag & 0xff); }
static inline uint32_t span_class(uint32_t tag) { return tag >> 8; }
static inline uint32_t span_tag(enum span_kind kind, uint32_t class_) { return (uint32_t)kind | class_ << 8; }

static inline uint32_t load_tag(const struct span *span) {
    return atomic_load_explicit(&span->tag, memory_order_acquire);
}
static inline uintptr_t load_start(const struct span *span) {
    return atomic_load_explicit(&span->start, memory_order_relaxed);
}

/* pre: address lies in the domain. NULL: not a page of the heap's. */
static inline struct span *span_of(const struct heap *heap, uintptr_t address) {
    uint32_t unit = atomic_load_explicit(&heap->map[(address - heap->base) >> PAGE_SHIFT],
                                         memory_order_relaxed);
    return unit ? (struct span *)(heap->base + (uintptr_t)unit * SPAN_BYTES) : NULL;
}

/* pre: address lies in the domain. */
static inline _Atomic uint32_t *unit_word(const struct heap *heap, uintptr_t address) {
    return &heap->units[(address >> SMALL_SHIFT) - heap->first_unit];
}

/* The unit word at the address; 0: no small span. Any address will do. */
static inline uint32_t unit_of(const struct heap *heap, uintptr_t address) {
    if (UNLIKELY((address >> SMALL_SHIFT) - heap->first_unit >= heap->unit_count))
        return 0;
    return atomic_load_explicit(unit_word(heap, address), memory_order_acquire);
}

static inline uint32_t unit_from_class(uint32_t number) { return (number + 1) * UNIT_CLASS; }
/* pre for these: unit is not 0. */
static inline uint32_t unit_class_number(uint32_t unit) { return (uint16_t)unit / UNIT_CLASS - 1; }
static inline const struct size_class *unit_class(const struct heap *heap, uint32_t unit) {
    return (const struct size_class *)((uintptr_t)heap + 2 * (uintptr_t)(uint16_t)unit);
}
static inline struct cache_bin *unit_bin(struct cache *cache, uint32_t unit) {
    return (struct cache_bin *)((uintptr_t)cache + (uint16_t)unit);
}

static inline bool bin_empty(const struct cache_bin *bin) { return !bin->top[-1]; }
static inline void **bin_slots(const struct size_class *class_, const struct cache_bin *bin) {
    return bin->end - 2 * class_->batch;
}
static inline uint32_t bin_count(const struct size_class *class_, const struct cache_bin *bin) {
    return (uint32_t)(bin->top - bin_slots(class_, bin));
}

static inline uint32_t unit_owner(uint32_t unit) { return (unit & ~UNIT_EXACT) >> UNIT_OWNER_SHIFT; }

static inline uintptr_t small_start(uintptr_t address) {
    return address & ~(uintptr_t)(SMALL_BYTES - 1);
}

/* Offset of an address in a small span from block 0; huge when it is before it. */
static inline uint32_t small_offset(const struct size_class *class_, uintptr_t address) {
    return (uint32_t)(address & (SMALL_BYTES - 1)) - class_->first;
}

/* pre: offset < class->extent. */
static inline uint32_t block_index(const struct size_class *class_, uint32_t offset) {
    return (uint32_t)(((uint64_t)offset * class_->reciprocal) >> 32);
}

/* Is the offset a multiple of the size? What the multiplication leaves below the
 * point is then less than one reciprocal. Source: D. Lemire, O. Kaser, N. Kurz,
 * "Faster Remainder by Direct Computation", 2019. */
static inline bool is_block_start(const struct size_class *class_, uint32_t offset) {
    return offset * class_->reciprocal < class_->reciprocal;
}

static inline _Atomic uint16_t *size_word(uintptr_t address, uint32_t index) {
    return (_Atomic uint16_t *)small_start(address) + index;
}

/* Pages of a page-owning allocation: always at least one byte more than asked for. */
static inline size_t large_pages(size_t bytes) { return (bytes >> PAGE_SHIFT) + 1; }
/* Those that hold its bytes: all but the page that is only slack. */
static inline size_t data_pages(size_t bytes) {
    return bytes ? ((bytes - 1) >> PAGE_SHIFT) + 1 : 1;
}

#endif
