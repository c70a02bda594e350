/* heap_cache.c - the life of a thread's cache: from its first operation to its end.
 *
 * Invariants:
 *  - heap->caches[slot] is used by the thread whose record has that slot, and
 *    nobody else, from adoption until its end (or until a fork left it behind);
 *  - its owner is that thread's FS base meanwhile. The hot paths look only at the
 *    cache that was last used with a hint like theirs; a thread that shares that place
 *    with another comes here now and then, and so does one whose stack left the window;
 *  - a cache without an owner owns no span, and its mailbox is closed.
 *
 * Attacker: foreign code can neither read caches nor change an FS base that this
 * compares with (THREAT_MODEL.md on WRFSBASE and arch_prctl).
 */
#include "heap_harden.h"

/* Where in a page a cache begins. Its bins are written, and the constants in front
 * of struct heap are read, by every operation: addresses that differ by a multiple
 * of a page look alike to the processor for a while and would stall the reads. */
#define CACHE_PAGE_OFFSET 0xd00
_Static_assert(offsetof(struct heap, unit_for_16) < CACHE_PAGE_OFFSET, "apart from a cache's bins");

static struct cache *new_cache(struct heap *heap, uint32_t slot) {
    size_t slots = 0;
    for (uint32_t class_ = 0; class_ < CLASSES; class_++)
        slots += 1 + 2u * heap->classes[class_].batch;
    char *memory = _mpk_heap_metadata(heap, MPK_PAGE_BYTES + sizeof(struct cache) + slots * sizeof(void *));
    if (!memory)
        return NULL;
    memory += (CACHE_PAGE_OFFSET - (uintptr_t)memory) % MPK_PAGE_BYTES;
    struct cache *cache = (struct cache *)memory;
    void **next = (void **)(cache + 1);
    cache->id = slot + 1;
    atomic_store_explicit(&cache->mail, MAIL_CLOSED, memory_order_relaxed);
    for (uint32_t class_ = 0; class_ < CLASSES; class_++) {
        *next++ = NULL; /* under the stack */
        cache->bins[class_].top = next;
        cache->bins[class_].end = next += 2u * heap->classes[class_].batch;
    }
    if (heap->parts && !_mpk_heap_quarantine_add(heap, cache))
        return NULL;
    return cache;
}

struct cache *_mpk_heap_adopt(struct heap *heap) {
    uint32_t slot = _mpk_thread()->slot;
    uintptr_t self = _mpk_fs_base();
    uintptr_t stack = (uintptr_t)__builtin_frame_address(0);
    struct cache *cache = heap->caches[slot];
    if (!cache && !(cache = heap->caches[slot] = new_cache(heap, slot)))
        return NULL;
    /* No stack is there: a hardened heap takes the slow entry each time. */
    uintptr_t window = heap->parts ? UINTPTR_MAX : stack >> STACK_WINDOW_SHIFT;
    atomic_store_explicit(&cache->window, window, memory_order_relaxed);
    atomic_store_explicit(&heap->hints[hint_index(self)], cache, memory_order_relaxed);
    if (atomic_load_explicit(&cache->owner, memory_order_relaxed) != self) {
        atomic_store_explicit(&cache->mail, NULL, memory_order_relaxed);
        atomic_store_explicit(&cache->owner, self, memory_order_relaxed);
    }
    return cache;
}

void _mpk_heap_cache_drop(struct heap *heap, struct cache *cache) {
    if (!cache || !atomic_load_explicit(&cache->owner, memory_order_relaxed))
        return;
    _mpk_heap_quarantine_drop(heap, cache);
    for (uint32_t class_ = 0; class_ < CLASSES; class_++)
        _mpk_heap_flush(heap, cache, class_, bin_count(&heap->classes[class_], &cache->bins[class_]));
    _mpk_heap_post(heap, cache);
    _mpk_heap_abandon(heap, cache);
    _mpk_heap_close_mail(heap, cache);
    _mpk_heap_cache_drop_runs(heap, cache);
    atomic_store_explicit(&cache->owner, 0, memory_order_relaxed);
}

void _mpk_heap_thread_exit(mpk_domain *domain, struct thread_record *record) {
    _mpk_heap_cache_drop(domain->heap, domain->heap->caches[record->slot]);
}
