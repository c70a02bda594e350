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

/* Where in a page a cache begins. Its bins are written, and the constants in front
 * of struct heap are read, by every operation: addresses that differ by a multiple
 * of a page look alike to the processor for a while and would stall the reads. */
#define CACHE_PAGE_OFFSET 0xd00
_Static_assert(offsetof(struct heap, first_owner) < CACHE_PAGE_OFFSET, "apart from a cache's bins");

void _mpk_heap_note_thread(struct heap *heap) {
    uintptr_t self = _mpk_fs_base(), first = 0;
    if (!atomic_compare_exchange_strong(&heap->first_owner, &first, self) && first != self)
        atomic_store(&heap->concurrent, 1);
}

static struct cache *new_cache(struct heap *heap) {
    size_t slots = 0;
    for (uint32_t class_ = 0; class_ < CLASSES; class_++)
        slots += 2u * heap->classes[class_].batch;
    char *memory = _mpk_heap_metadata(heap, MPK_PAGE_BYTES + sizeof(struct cache) + slots * sizeof(void *));
    if (!memory)
        return NULL;
    memory += (CACHE_PAGE_OFFSET - (uintptr_t)memory) % MPK_PAGE_BYTES;
    struct cache *cache = (struct cache *)memory;
    void **next = (void **)(cache + 1);
    for (uint32_t class_ = 0; class_ < CLASSES; class_++) {
        cache->bins[class_].limit = 2u * heap->classes[class_].batch;
        cache->bins[class_].slots = next;
        next += cache->bins[class_].limit;
    }
    return cache;
}

struct cache *_mpk_heap_adopt(struct heap *heap) {
    struct cache_entry *entry = &heap->cache[_mpk_thread()->slot];
    uintptr_t self = _mpk_fs_base();
    uintptr_t stack = (uintptr_t)__builtin_frame_address(0);
    atomic_store_explicit(&entry->window, stack >> STACK_WINDOW_SHIFT, memory_order_relaxed);
    if (atomic_load_explicit(&entry->owner, memory_order_relaxed) == self)
        return entry->cache;
    _mpk_heap_note_thread(heap);
    if (!entry->cache && !(entry->cache = new_cache(heap)))
        return NULL;
    atomic_store_explicit(&entry->owner, self, memory_order_relaxed);
    return entry->cache;
}

/* A thread that fork left behind may have been about to take the last block: its
 * size word is set, but it is in the bin still. */
static void wipe_words(const struct size_class *class_, const struct cache_bin *bin) {
    for (uint32_t i = 0; i < bin->count; i++) {
        uintptr_t block = (uintptr_t)bin->slots[i];
        uint32_t index = block_index(class_, small_offset(class_, block));
        atomic_store_explicit(size_word(block, index), 0, memory_order_relaxed);
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
            wipe_words(&heap->classes[class_], bin);
        if (bin->count)
            _mpk_heap_flush(heap, bin, class_, bin->count);
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
