/* heap_harden.c - which parts of hardening a heap has, and its random order.
 *
 * Invariant: parts change only while the heap has no page in use, so a heap is
 * hardened from its first allocation or not at all.
 *
 * The random numbers are not cryptographic. Their state lies in the domain, seeded
 * by the kernel, so that foreign code cannot see it, and sees no address of a small
 * block that it was not lent. With GALEED_FOREIGN_RIGHTS=read it can: the order is
 * no secret then.
 *
 * Attacker: does not choose the parts; GALEED_HEAP is read at start, by the host.
 *
 * Source: [splitmix] G. L. Steele, D. Lea, C. H. Flood, "Fast Splittable
 * Pseudorandom Number Generators", 2014; the shuffle is Fisher and Yates's.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/random.h>
#include "heap_harden.h"

static const struct { const char *word; uint32_t parts; } words[] = {
    {"default", MPK_HEAP_DEFAULT}, {"hardened", MPK_HEAP_HARDENED},     {"random", MPK_HEAP_RANDOM},
    {"guards", MPK_HEAP_GUARDS},   {"quarantine", MPK_HEAP_QUARANTINE}, {"zero", MPK_HEAP_ZERO},
};

int mpk_heap_parse(const char *text, uint32_t *parts) {
    uint32_t sum = 0;
    for (;;) {
        size_t length = strcspn(text, ","), i = 0, count = sizeof words / sizeof *words;
        while (i < count && (strlen(words[i].word) != length || strncmp(words[i].word, text, length)))
            i++;
        if (i == count)
            return MPK_EINVALID;
        sum |= words[i].parts;
        if (!text[length])
            break;
        text += length + 1;
    }
    *parts = sum;
    return MPK_OK;
}

static int set_parts(struct heap *heap, uint32_t parts) {
    if (parts && getrandom(&heap->secret, sizeof heap->secret, 0) != sizeof heap->secret)
        return MPK_EKERNEL;
    heap->parts = parts;
    return MPK_OK;
}

int _mpk_heap_harden_init(struct heap *heap) { return set_parts(heap, MPK_RUNTIME->heap_parts); }

int mpk_heap_harden(mpk_domain *domain, uint32_t parts) {
    enum mpk_rights previous;
    if (parts & ~(uint32_t)MPK_HEAP_HARDENED)
        return MPK_EINVALID;
    int error = mpk_domain_open(domain, MPK_READ_WRITE, &previous);
    if (error)
        return error;
    struct heap *heap = domain->heap;
    heap_lock(&heap->pages);
    error = heap->high == heap->low ? set_parts(heap, parts) : MPK_EINVALID;
    heap_unlock(&heap->pages);
    int closed = mpk_domain_close(domain, previous);
    return error ? error : closed;
}

uint32_t mpk_heap_parts(mpk_domain *domain) { return domain->heap->parts; }

/* ---- Random order. ---------------------------------------------------------- */

uint32_t _mpk_heap_random_below(uint64_t *state, uint32_t bound) {
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (uint32_t)(((z ^ z >> 31) >> 32) * bound >> 32);
}

/* The size words hold the permutation meanwhile: one 16-bit word per block. */
void _mpk_heap_scatter(struct heap *heap, struct span *span, const struct size_class *class_) {
    uintptr_t start = load_start(span);
    _Atomic uint16_t *order = (_Atomic uint16_t *)start;
    uint64_t random = atomic_fetch_add_explicit(&heap->secret, 0xD1B54A32D192ED03u, memory_order_relaxed) ^ start;
    for (uint32_t i = 0; i < class_->capacity; i++) {
        uint32_t other = _mpk_heap_random_below(&random, i + 1);
        uint16_t moved = other == i ? (uint16_t)i : atomic_load_explicit(&order[other], memory_order_relaxed);
        atomic_store_explicit(&order[i], moved, memory_order_relaxed);
        atomic_store_explicit(&order[other], (uint16_t)i, memory_order_relaxed);
    }
    for (uint32_t i = 0; i < class_->capacity; i++) {
        uint32_t index = atomic_load_explicit(&order[i], memory_order_relaxed);
        void *block = (void *)(start + class_->first + (size_t)index * class_->size);
        *(void **)block = span->small.list;
        span->small.list = block;
    }
    memset((void *)start, 0, class_->capacity * sizeof(uint16_t));
    span->small.fresh_from = class_->capacity;
}
