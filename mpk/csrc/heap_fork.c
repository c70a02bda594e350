/* heap_fork.c - the heap in a child: every lock is held around fork, so that no
 * run and no list of a class is caught half changed.
 *
 * The child has one thread. What the others owned may be caught in the middle of
 * anything; and not at one moment, either: the kernel copies page by page while they
 * go on, so that what one page says may be older than what the next one says. So no
 * two words of theirs are believed together, only each word alone: a block is live
 * exactly if its size word says so, a run exactly if its tag does. All their spans
 * become abandoned ones; the blocks in their bins and mailboxes, and those on their
 * way to the forking thread, are found free by their words, and runs by their tags.
 *
 * fork may be called by foreign code, so rights are opened around each step.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>
#include "heap_harden.h"
#include "mpk_harden.h"

static void each_heap(void (*step)(struct heap *)) {
    int was_foreign = _mpk_access_begin_to("called fork");
    for (uint32_t i = 0; i < MPK_MAX_DOMAINS; i++) {
        mpk_domain *domain = (mpk_domain *)MPK_RUNTIME->extents[i].base;
        enum mpk_rights previous;
        if (!domain || _mpk_domain_hold(domain, &previous))
            continue;
        if (domain->heap)
            step(domain->heap);
        _mpk_domain_let(domain, previous);
    }
    mpk_access_end(was_foreign);
}

static void forget_cache(struct heap *heap, struct cache *cache) {
    for (uint32_t number = 0; number < CLASSES; number++) {
        cache->bins[number].top = bin_slots(&heap->classes[number], &cache->bins[number]);
        cache->spans[number] = (struct span_lists){NULL, NULL};
    }
    cache->posted.count = 0;
    atomic_store_explicit(&cache->mail, MAIL_CLOSED, memory_order_relaxed);
    memset(cache->runs, 0, sizeof cache->runs);
    cache->run_pages = 0;
    cache->idle_run_pages = 0;
    _mpk_heap_quarantine_forget(cache);
    atomic_store_explicit(&cache->owner, 0, memory_order_relaxed);
}

/* Blocks of the forking thread that others had freed, wherever they were. */
static void take_sent_blocks(struct heap *heap, struct cache *own, struct span *span) {
    uint32_t number = span_class(load_tag(span));
    const struct size_class *class_ = &heap->classes[number];
    uintptr_t start = load_start(span);
    for (uint32_t index = 0; index < class_->capacity; index++) {
        if (atomic_load_explicit(size_word(start, index), memory_order_relaxed) != SIZE_SENT)
            continue;
        atomic_store_explicit(size_word(start, index), 0, memory_order_relaxed);
        bool last = span->small.taken == 1; /* then the span may be gone */
        void *block = (void *)(start + class_->first + (uintptr_t)index * class_->size);
        _mpk_heap_give_block(heap, &own->spans[number], span, block, false);
        if (last)
            return;
    }
}

static void inherit(struct heap *heap) {
    _mpk_heap_unlock_all(heap);
    atomic_store(&heap->sweepers, 0);
    uint32_t slot = _mpk_thread()->slot;
    bool alone = true;
    for (uint32_t i = 0; i < MPK_THREADS; i++) {
        if (i == slot || !heap->caches[i])
            continue;
        forget_cache(heap, heap->caches[i]);
        alone = false;
    }
    if (alone)
        return;
    struct cache *own = heap->caches[slot];
    if (own && !atomic_load(&own->owner))
        own = NULL;
    if (own) {
        own->posted.count = 0;
        _mpk_heap_cache_drop_runs(heap, own); /* after which no run is busy by right */
        _mpk_heap_quarantine_forget(own);
        atomic_store_explicit(&own->mail, NULL, memory_order_relaxed);
    }
    for (uint32_t number = 0; number < CLASSES; number++)
        heap->centrals[number].abandoned = (struct span_lists){NULL, NULL};
    for (uintptr_t at = heap->low; at < heap->high;) {
        struct span *span = span_of(heap, at);
        enum span_kind kind = span_kind(load_tag(span));
        /* What was freed a moment ago may have grown over this place: a free run of one
         * page is known by its last page, too. */
        at = kind == SPAN_FREE ? load_start(span) : at;
        at += (kind == SPAN_METADATA ? 1 : span->pages) * (uintptr_t)MPK_PAGE_BYTES;
        if (kind == SPAN_BUSY && atomic_load(&span->sharing)) /* may be open to foreign code */
            atomic_store(&span->tag, span_tag(SPAN_RETIRED, 0));
        else if (kind == SPAN_BUSY)
            _mpk_heap_run_free(heap, span);
        if (kind != SPAN_SMALL)
            continue;
        uint32_t owner = unit_owner(unit_of(heap, load_start(span)));
        if (own && owner == own->id)
            take_sent_blocks(heap, own, span);
        else
            _mpk_heap_span_rebuild(heap, span);
    }
}

static void after_fork(void (*step)(struct heap *)) {
    each_heap(step);
    int was_foreign = _mpk_access_begin_to("called fork");
    _mpk_domains_unlock();
    _mpk_host_unlock();
    mpk_access_end(was_foreign);
}

void _mpk_heap_fork_prepare(void) {
    int was_foreign = _mpk_access_begin_to("called fork");
    _mpk_host_lock();
    _mpk_domains_lock();
    mpk_access_end(was_foreign);
    each_heap(_mpk_heap_lock_all);
}
void _mpk_heap_fork_parent(void) { after_fork(_mpk_heap_unlock_all); }
void _mpk_heap_fork_child(void) {
    if (!mpk_harden_orphan()) /* which has nothing that could be unlocked */
        after_fork(inherit);
}
