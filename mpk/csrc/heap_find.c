/* heap_find.c - from any address to the allocation that holds it, and the word
 * that the layer above keeps with an allocation.
 *
 * Invariants:
 *  - an answer is exact for every address whose allocation is not freed or
 *    resized at the same time. Without a lock, whatever else the address is, the
 *    worst is "no" or a stale answer, never a bad access: descriptors are never
 *    unmapped, and a size word is read only where the address itself proves
 *    that its span's memory is there;
 *  - metadata is never found, so it can never be lent;
 *  - a mark word is 0 when the allocation is born: its array's word is wiped as
 *    the size word gets SIZE_MARKED, which no allocation inherits.
 *
 * Race of a mark with the free of the same allocation (foreign code may cause it
 * with a stale address): the mark is set by one compare-and-swap. A free by swap sees
 * it, or the marker gets NULL. The owner's free is a plain load and store; a stranger
 * marks only after UNIT_EXACT and a barrier: an owner that was between load and store
 * at the barrier sees UNIT_EXACT after its store and looks for the mark again, and
 * one that was past its store has made the death visible here. A large allocation's
 * resize is as plain until the heap's first mark on one (large_exact). A layer that then
 * writes its word and looks again (mpk_heap_find: still there, mark not NULL) has
 * either told the freer in time or learns of the death.
 *
 * Source: [tcmalloc] page map; [membarrier(2)].
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/membarrier.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "heap_refuse.h"

enum { LARGE_BEGINS = 1, LARGE_EXACT }; /* struct heap's large_exact; 0: no large one was ever marked */

struct place {
    uint32_t unit;              /* its unit word; 0: a large allocation */
    uint32_t index;             /* of a small block */
    _Atomic uint16_t *word;     /* its size word */
    uintptr_t base;
    size_t bytes;
    bool marked;
};

static bool locate(const struct heap *heap, uintptr_t address, struct place *out) {
    if (address - heap->base >= heap->bytes)
        return false;
    out->unit = unit_of(heap, address);
    if (out->unit) {
        const struct size_class *class_ = unit_class(heap, out->unit);
        uint32_t offset = small_offset(class_, address);
        if (offset >= class_->extent)
            return false;
        out->index = block_index(class_, offset);
        out->word = size_word(address, out->index);
        out->base = small_start(address) + class_->first + (uintptr_t)out->index * class_->size;
        uint32_t word = atomic_load(out->word);
        out->bytes = word & SIZE_BYTES;
        out->marked = (word & SIZE_MARKED) != 0;
        return (word & SIZE_LIVE) && address - out->base <= out->bytes;
    }
    const struct span *span = span_of(heap, address);
    if (!span || span_kind(load_tag(span)) != SPAN_LARGE)
        return false;
    out->base = load_start(span);
    out->bytes = atomic_load_explicit(&span->large.bytes, memory_order_relaxed);
    out->marked = atomic_load(&span->large.marked) != 0;
    return address - out->base <= out->bytes;
}

int mpk_heap_find(mpk_domain *domain, uintptr_t address, struct mpk_allocation *out) {
    struct place place;
    if (!domain->heap || !locate(domain->heap, address, &place))
        return 0;
    bool large = !place.unit;
    struct span *span = large || place.marked ? span_of(domain->heap, place.base) : NULL;
    uint32_t *mark = NULL;
    if (place.marked)
        mark = large ? &span->large.mark : &atomic_load(&span->small.marks)[place.index];
    *out = (struct mpk_allocation){
        .base = place.base,
        .bytes = place.bytes,
        .mark = mark,
        .own_pages = large,
        .shared = large && atomic_load_explicit(&span->large.shared_pages, memory_order_relaxed),
    };
    return 1;
}

size_t mpk_heap_usable_bytes(mpk_domain *domain, const void *base) {
    struct place place;
    if (!locate(domain->heap, (uintptr_t)base, &place) || place.base != (uintptr_t)base)
        return _mpk_heap_refuse(domain->heap, base, MPK_ACCESS_READ, SIZE_ANY), 0;
    if (place.unit)
        return unit_class(domain->heap, place.unit)->size - 1;
    return (size_t)span_of(domain->heap, place.base)->pages * MPK_PAGE_BYTES - 1;
}

/* pre: the class's lock is held. */
static uint32_t *new_marks(struct heap *heap, uint32_t number) {
    struct central *central = &heap->centrals[number];
    size_t bytes = heap->classes[number].capacity * sizeof(uint32_t);
    void *marks = central->spare_marks;
    if (!marks)
        return _mpk_heap_metadata(heap, bytes);
    central->spare_marks = *(void **)marks;
    return marks; /* old words in it: each is wiped at its block's first mark */
}

void _mpk_heap_barrier_init(struct heap *heap) {
    int saved = errno;
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0)) {
        heap->new_exact = UNIT_EXACT; /* no such kernel, or a filter: swap and look always */
        atomic_store_explicit(&heap->large_exact, LARGE_EXACT, memory_order_relaxed);
    }
    errno = saved;
}

/* Through every thread of the process. false: the kernel does so no more. */
static bool pass_barrier(void) {
    int saved = errno;
    bool done = syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
    errno = saved;
    return done;
}

/* Makes every free in the span swap, from before the marker's look at the block.
 * false: the kernel passes no barrier any more. pre: the class's lock is held. */
static bool make_exact(struct heap *heap, uintptr_t address, uint32_t unit) {
    atomic_store(unit_word(heap, address), unit | UNIT_EXACT);
    if (pass_barrier())
        return true;
    atomic_store(unit_word(heap, address), unit);
    return false;
}

/* The owner's thread races with no plain store, and an abandoned span is freed into by
 * swaps; others are made ready. pre: the class's lock is held; unit is the span's. */
static bool may_mark(struct heap *heap, uintptr_t address, uint32_t unit) {
    uint32_t owner = unit_owner(unit);
    return (unit & UNIT_EXACT) || !owner || owner == _mpk_thread()->slot + 1 || make_exact(heap, address, unit);
}

static uint32_t *mark_small(struct heap *heap, const struct place *place) {
    uint32_t number = unit_class_number(place->unit);
    uint32_t *mark = NULL;
    heap_lock(&heap->centrals[number].lock);
    uint32_t unit = unit_of(heap, place->base);
    uint16_t word = 0;
    /* Under the lock a span stays what and whose it is. */
    if (unit && unit_class_number(unit) == number && may_mark(heap, place->base, unit))
        word = atomic_load(place->word);
    if (word & SIZE_LIVE) {
        struct span *span = span_of(heap, place->base);
        uint32_t *marks = atomic_load(&span->small.marks);
        if (!marks && (marks = new_marks(heap, number)))
            atomic_store(&span->small.marks, marks);
        if (marks && !(word & SIZE_MARKED))
            __atomic_store_n(&marks[place->index], 0, __ATOMIC_RELAXED);
        while (marks && !(word & SIZE_MARKED) && (word & SIZE_LIVE))
            if (atomic_compare_exchange_weak(place->word, &word, (uint16_t)(word | SIZE_MARKED)))
                word |= SIZE_MARKED;
        if (marks && (word & SIZE_MARKED))
            mark = &marks[place->index];
    }
    heap_unlock(&heap->centrals[number].lock);
    return mark;
}

/* Resizes of large allocations look for marks from before the first marker's look at
 * the size on. Two first ones at once pass a barrier each. */
static bool may_mark_large(struct heap *heap) {
    if (LIKELY(atomic_load(&heap->large_exact) == LARGE_EXACT))
        return true;
    atomic_store(&heap->large_exact, LARGE_BEGINS);
    if (!pass_barrier())
        return false; /* resizes look, in vain */
    atomic_store(&heap->large_exact, LARGE_EXACT);
    return true;
}

uint32_t *mpk_heap_mark(mpk_domain *domain, uintptr_t base) {
    struct place place;
    if (!locate(domain->heap, base, &place) || place.base != base)
        return NULL;
    if (place.unit)
        return mark_small(domain->heap, &place);
    if (!may_mark_large(domain->heap))
        return NULL;
    struct span *span = span_of(domain->heap, base);
    atomic_store(&span->large.marked, 1);
    return span_kind(load_tag(span)) == SPAN_LARGE ? &span->large.mark : NULL;
}

void mpk_heap_set_hooks(mpk_domain *domain, const struct mpk_heap_hooks *hooks) {
    domain->hooks = hooks ? *hooks : (struct mpk_heap_hooks){0};
}
