/* heap_cache.c - the life of a thread's cache: from its first operation to its end.
 *
 * Invariants:
 *  - heap->cache[slot] is used by the thread whose record has that slot, and
 *    nobody else, from adoption until its end (or until a fork left it behind);
 *  - owner is that thread's FS base meanwhile. The hot paths look only at the
 *    first place of its hash; a thread that got another slot comes here each time,
 *    and so does one whose stack left the window.
 *  - concurrent is set before any thread but the first has a cache or sets a mark.
 *
 * Attacker: foreign code can neither read caches nor change an FS base that this
 * compares with (THREAT_MODEL.md on WRFSBASE and arch_prctl).
 */
#include "heap.h"

void _mpk_heap_note_thread(struct heap *heap) {
    uintptr_t self = _mpk_fs_base(), first = 0;
    if (!atomic_compare_exchange_strong(&heap->first_owner, &first, self) && first != self)
        atomic_store(&heap->concurrent, 1);
}

struct cache *_mpk_heap_adopt(struct heap *heap) {
    struct cache_entry *entry = &heap->cache[_mpk_thread()->slot];
    uintptr_t self = _mpk_fs_base();
    uintptr_t stack = (uintptr_t)__builtin_frame_address(0);
    atomic_store_explicit(&entry->window, stack >> STACK_WINDOW_SHIFT, memory_order_relaxed);
    if (atomic_load_explicit(&entry->owner, memory_order_relaxed) == self)
        return entry->cache;
    _mpk_heap_note_thread(heap);
    if (!entry->cache) {
        struct cache *cache = _mpk_heap_metadata(heap, sizeof *cache);
        if (!cache)
            return NULL;
        for (uint32_t class_ = 0; class_ < CLASSES; class_++)
            cache->bins[class_].limit = 2u * heap->classes[class_].batch;
        entry->cache = cache;
    }
    atomic_store_explicit(&entry->owner, self, memory_order_relaxed);
    return entry->cache;
}

/* A thread that fork left behind may have been about to take the first block: its
 * size word is set, but it is in the list still. */
static void wipe_words(const struct size_class *class_, void *head) {
    for (void *block = head; block; block = *(void **)block) {
        uint32_t index = block_index(class_, small_offset(class_, (uintptr_t)block));
        atomic_store_explicit(size_word((uintptr_t)block, index), 0, memory_order_relaxed);
    }
}

void _mpk_heap_cache_drop(struct heap *heap, struct cache_entry *entry, bool torn) {
    struct cache *cache = entry->cache;
    if (!cache)
        return;
    atomic_store_explicit(&entry->owner, 0, memory_order_relaxed);
    for (uint32_t class_ = 0; class_ < CLASSES; class_++) {
        struct cache_bin *bin = &cache->bins[class_];
        if (torn)
            wipe_words(&heap->classes[class_], bin->head);
        if (bin->head)
            _mpk_heap_flush(heap, bin, class_, UINT32_MAX);
        bin->count = 0; /* torn: the thread may have been between list and count */
    }
    for (uint32_t pages = 0; pages <= RUN_CACHE_LONGEST; pages++) {
        for (struct span *span = cache->runs[pages], *next; span; span = next) {
            next = span->next;
            _mpk_heap_run_free(heap, span);
        }
        cache->runs[pages] = NULL;
    }
    cache->run_pages = 0;
}

void _mpk_heap_thread_exit(mpk_domain *domain, struct thread_record *record) {
    _mpk_heap_cache_drop(domain->heap, &domain->heap->cache[record->slot], false);
}
