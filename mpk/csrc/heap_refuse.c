/* heap_refuse.c - a pointer that the heap was given and that is not what it should
 * be: found out what it is, and told as a violation.
 *
 * Invariants:
 *  - no lock of the heap is held and nothing is half changed: policy unwind leaves
 *    from here, and policy report goes on as if the call had not been made;
 *  - the heap's state decides, never the bytes at the pointer, which may not even
 *    be mapped.
 *
 * Attacker: the host's own mistake, or a pointer that foreign code has talked it
 * into freeing. What lives at the address belongs to somebody else.
 */
#include "heap_refuse.h"

#define TAG_SHIFT 62  /* a pseudo-pointer has 10 in bits 63:62; as in fault.c */
#define TAG 2

static bool was_handed_out(const struct heap *heap, uintptr_t address) {
    uint32_t unit = unit_of(heap, address);
    const struct size_class *class_ = unit_class(heap, unit);
    uint32_t offset = small_offset(class_, address);
    return offset < class_->extent && is_block_start(class_, offset) &&
           block_index(class_, offset) < span_of(heap, address)->small.fresh_from;
}

static bool in_another_domain(uintptr_t address) {
    for (uint32_t i = 0; i < MPK_MAX_DOMAINS; i++) {
        const struct domain_extent *extent = &MPK_RUNTIME->extents[i];
        if (extent->base && address - extent->base < extent->bytes)
            return true;
    }
    return false;
}

/* Kind and words for a pointer into the domain where no allocation lives. */
static void explain_dead(const struct heap *heap, uintptr_t address, struct mpk_violation *v) {
    const struct span *span = span_of(heap, address);
    enum span_kind kind = span ? span_kind(load_tag(span)) : SPAN_METADATA;
    v->kind = MPK_FORGED;
    v->detail = "never allocated: no allocation has begun at this address";
    if (unit_of(heap, address) ? was_handed_out(heap, address) : kind == SPAN_LARGE && load_start(span) == address) {
        v->kind = MPK_TEMPORAL;
        v->detail = "double free: what was allocated here is free already";
    } else if (!unit_of(heap, address) && kind != SPAN_LARGE && kind != SPAN_METADATA && kind != SPAN_SPARE &&
               kind != SPAN_GUARD) {
        v->kind = MPK_TEMPORAL;
        v->detail = "double free, or never allocated: these pages are free";
    }
}

static void explain_live(const struct mpk_allocation *found, size_t bytes, struct mpk_violation *v) {
    v->allocation = found->base;
    v->allocation_bytes = found->bytes;
    if (found->base != v->address) {
        v->kind = MPK_SPATIAL;
        v->detail = "inside an allocation, not its start";
    } else if (bytes == SIZE_ANY) {
        v->kind = MPK_TEMPORAL;
        v->detail = "double free: another thread freed it in the same instant";
    } else {
        v->kind = MPK_TYPE;
        v->bytes = bytes;
        v->detail = bytes == found->bytes ? "wrong alignment: the address is no multiple of the one given, or that is no power of two"
                                          : "wrong size: not the one that was asked for at the allocation";
    }
}

void _mpk_heap_refuse(struct heap *heap, const void *pointer, enum mpk_access access, size_t bytes) {
    uintptr_t address = (uintptr_t)pointer;
    struct mpk_violation v = {.access = access, .address = address, .key = -1};
    struct mpk_allocation found;
    if (address >> TAG_SHIFT == TAG) {
        v.handle = address;
        v.address = 0;
        if (MPK_RUNTIME->violation_hook) /* which lease is it? */
            MPK_RUNTIME->violation_hook(&v);
        v.kind = MPK_BOUNDARY;
        v.detail = "a pseudo-pointer was given to the heap instead of an address";
    } else if (address - heap->base >= heap->bytes) {
        v.kind = MPK_FORGED;
        v.detail = in_another_domain(address) ? "not in the domain: it lies in another domain"
                                              : "not in the domain: it comes from another allocator";
    } else if (mpk_heap_find(heap->domain, address, &found)) {
        v.allocation = found.base;
        v.allocation_bytes = found.bytes;
        explain_live(&found, bytes, &v);
    } else {
        explain_dead(heap, address, &v);
        if (v.kind == MPK_TEMPORAL)
            v.ended = address;
    }
    if (!v.handle && address - heap->base < heap->bytes && MPK_RUNTIME->backend == MPK_BACKEND_PKU)
        v.key = heap->domain->key;
    mpk_violate(&v);
}
