/* heap_quarantine.c - what was freed is kept back, so that a stale pointer of the
 * host meets dead memory for a while, and a write through it is noticed.
 *
 * Each thread has so many places for blocks and for short runs. What is freed goes
 * to a random place; what was there before comes out and is really free. A block is
 * dead from the moment when it is freed: its size word is SIZE_SENT (on its way home,
 * by a detour), a second free of it is a violation, and foreign code has no lease on it.
 *
 * Invariants:
 *  - a quarantined block counts as taken in its span, and is in no bin and no list;
 *    whose span that is matters only when it comes out;
 *  - with MPK_HEAP_ZERO its bytes are 0 when it goes in; they are when it comes out,
 *    or that is reported. By then no state is half changed: policy unwind leaves.
 *
 * A thread that has no cache for want of memory, and one whose cache is emptied
 * before the heap refuses an allocation, reuse at once.
 *
 * Attacker: the host's own stale pointers; foreign code has no rights here.
 *
 * Source: [hardened_malloc] quarantines with random replacement.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include "heap_harden.h"

bool _mpk_heap_quarantine_add(struct heap *heap, struct cache *cache) {
    cache->quarantine = _mpk_heap_metadata(heap, sizeof *cache->quarantine);
    if (!cache->quarantine)
        return false;
    cache->quarantine->random =
        atomic_fetch_add_explicit(&heap->secret, 0xA0761D6478BD642Fu, memory_order_relaxed) ^ (uintptr_t)cache;
    return true;
}

/* Address of the first byte that is not 0; 0: all are. bytes: a multiple of 8. */
static uintptr_t first_written(const void *base, size_t bytes) {
    const uint64_t *word = base, *end = (const uint64_t *)((const char *)base + bytes);
    while (word < end && !*word)
        word++;
    if (word == end)
        return 0;
    return (uintptr_t)word + (uint32_t)__builtin_ctzll(*word) / 8;
}

void _mpk_heap_report_written(struct heap *heap, uintptr_t address) {
    struct mpk_violation v = {
        .kind = MPK_TEMPORAL, .access = MPK_ACCESS_WRITE, .address = address,
        .key = MPK_RUNTIME->backend == MPK_BACKEND_PKU ? heap->domain->key : -1,
        .detail = "memory was written after it was freed: found when it left the quarantine, some time later",
    };
    mpk_violate(&v);
}

void *_mpk_heap_hold_block(struct heap *heap, struct cache *cache, void *block, uintptr_t *written) {
    const struct size_class *class_ = unit_class(heap, unit_of(heap, (uintptr_t)block));
    bool zero = heap->parts & MPK_HEAP_ZERO;
    if (zero)
        memset(block, 0, class_->size);
    if (!cache || !(heap->parts & MPK_HEAP_QUARANTINE))
        return block;
    struct quarantine *quarantine = cache->quarantine;
    void **place = &quarantine->blocks[_mpk_heap_random_below(&quarantine->random, QUARANTINE_BLOCKS)];
    void *out = *place;
    *place = block;
    if (out && zero) {
        class_ = unit_class(heap, unit_of(heap, (uintptr_t)out));
        if ((*written = first_written(out, class_->size)))
            memset(out, 0, class_->size);
    }
    return out;
}

static void zero_run(struct span *span) {
    size_t bytes = data_pages(atomic_load_explicit(&span->large.bytes, memory_order_relaxed)) * MPK_PAGE_BYTES;
    void *base = (void *)load_start(span);
    int saved = errno;
    if (bytes < ZERO_BY_KERNEL_BYTES || madvise(base, bytes, MADV_DONTNEED))
        memset(base, 0, bytes);
    errno = saved;
}

void _mpk_heap_hold_run(struct heap *heap, struct cache *cache, struct span *span) {
    bool zero = heap->parts & MPK_HEAP_ZERO;
    uintptr_t written = 0;
    if (zero)
        zero_run(span);
    if (span->large.guarded) {
        _mpk_heap_guarded_free(heap, span);
        return;
    }
    if (cache && (heap->parts & MPK_HEAP_QUARANTINE) && span->pages <= QUARANTINE_LONGEST) {
        struct quarantine *quarantine = cache->quarantine;
        struct span **place = &quarantine->runs[_mpk_heap_random_below(&quarantine->random, QUARANTINE_RUNS)];
        struct span *out = *place;
        *place = span;
        if (!out)
            return;
        size_t bytes = atomic_load_explicit(&out->large.bytes, memory_order_relaxed);
        if (zero)
            written = first_written((void *)load_start(out), data_pages(bytes) * MPK_PAGE_BYTES);
        span = out;
    }
    _mpk_heap_run_free(heap, span);
    if (written)
        _mpk_heap_report_written(heap, written);
}

void _mpk_heap_quarantine_forget(struct cache *cache) {
    struct quarantine *quarantine = cache->quarantine;
    if (quarantine) {
        memset(quarantine->blocks, 0, sizeof quarantine->blocks);
        memset(quarantine->runs, 0, sizeof quarantine->runs);
    }
}

void _mpk_heap_quarantine_drop(struct heap *heap, struct cache *cache) {
    for (uint32_t i = 0; cache->quarantine && i < QUARANTINE_BLOCKS; i++) {
        void *block = cache->quarantine->blocks[i];
        uint32_t unit = block ? unit_of(heap, (uintptr_t)block) : 0;
        cache->quarantine->blocks[i] = NULL;
        if (!block)
            continue;
        if (unit_owner(unit) != cache->id) {
            _mpk_heap_send(heap, cache, block);
            continue;
        }
        const struct size_class *class_ = unit_class(heap, unit);
        uint32_t index = block_index(class_, small_offset(class_, (uintptr_t)block));
        atomic_store_explicit(size_word((uintptr_t)block, index), 0, memory_order_relaxed);
        _mpk_heap_give_block(heap, &cache->spans[unit_class_number(unit)], span_of(heap, (uintptr_t)block),
                             block, false);
    }
    for (uint32_t i = 0; cache->quarantine && i < QUARANTINE_RUNS; i++) {
        struct span *span = cache->quarantine->runs[i];
        cache->quarantine->runs[i] = NULL;
        if (span)
            _mpk_heap_run_free(heap, span);
    }
}
