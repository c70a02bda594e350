/* heap_mail.c - the way home of blocks that another thread than their owner frees.
 *
 * Each cache has a mailbox: a chain of blocks, linked through their first words,
 * that any thread may put blocks in front of and only the owner takes. A thread
 * collects blocks for one owner first (struct cache, posted), so that a stream of
 * frees costs one shared line per POSTED_MOST of them.
 *
 * Invariants:
 *  - the size word of a block on its way is SIZE_SENT, and only who takes it out of
 *    the mailbox, or returns it to an abandoned span under the class's lock, makes
 *    that 0. Anything else met here is a block that was freed twice at once;
 *  - a span with a block on its way counts that as taken: it stays what it is;
 *  - an owner that is read may be out of date by the time the block arrives. Who
 *    opens the mailbox looks again and sends on what is not its own.
 *
 * Attacker: mailboxes are in the domain; foreign code has no part in this.
 *
 * Source: [mimalloc] thread free lists; [snmalloc] batches by destination.
 */
#include "heap.h"

_Noreturn void _mpk_heap_damaged(const void *block) {
    _mpk_fatal("mpk heap: the block at %p was freed by two threads at once, or written after it was freed", block);
}

static void check_sent(void *block, const struct size_class *class_) {
    uint32_t index = block_index(class_, small_offset(class_, (uintptr_t)block));
    _Atomic uint16_t *word = size_word((uintptr_t)block, index);
    if (atomic_load_explicit(word, memory_order_relaxed) != SIZE_SENT)
        _mpk_heap_damaged(block);
    atomic_store_explicit(word, 0, memory_order_relaxed);
}

/* false: the mailbox is closed. */
static bool put(struct cache *cache, void *head, void *tail) {
    void *before = atomic_load_explicit(&cache->mail, memory_order_relaxed);
    do {
        if (before == MAIL_CLOSED)
            return false;
        *(void **)tail = before;
    } while (!atomic_compare_exchange_weak_explicit(&cache->mail, &before, head, memory_order_release,
                                                    memory_order_relaxed));
    return true;
}

/* One block, wherever its span belongs by now. */
static void deliver(struct heap *heap, void *block) {
    for (;;) {
        uint32_t unit = unit_of(heap, (uintptr_t)block);
        if (!unit)
            _mpk_heap_damaged(block);
        uint32_t owner = unit_owner(unit);
        if (owner) {
            if (put(heap->caches[owner - 1], block, block))
                return;
            continue; /* it has just abandoned its spans */
        }
        struct central *central = &heap->centrals[unit_class_number(unit)];
        heap_lock(&central->lock);
        bool still = unit_of(heap, (uintptr_t)block) == unit;
        if (still) {
            check_sent(block, unit_class(heap, unit));
            _mpk_heap_give_block(heap, &central->abandoned, span_of(heap, (uintptr_t)block), block, true);
        }
        heap_unlock(&central->lock);
        if (still)
            return;
    }
}

static void deliver_each(struct heap *heap, void *head) {
    for (void *next; head; head = next) {
        next = *(void **)head; /* delivery writes there */
        deliver(heap, head);
    }
}

void _mpk_heap_post(struct heap *heap, struct cache *cache) {
    struct chain chain = cache->posted;
    cache->posted.count = 0;
    if (chain.count && !put(heap->caches[chain.owner - 1], chain.head, chain.tail)) {
        *(void **)chain.tail = NULL;
        deliver_each(heap, chain.head);
    }
}

void _mpk_heap_send(struct heap *heap, struct cache *cache, void *block) {
    uint32_t owner = unit_owner(unit_of(heap, (uintptr_t)block));
    if (!owner || !cache) {
        deliver(heap, block);
        return;
    }
    struct chain *posted = &cache->posted;
    if (posted->count && posted->owner != owner)
        _mpk_heap_post(heap, cache);
    *(void **)block = posted->head;
    if (!posted->count) {
        posted->tail = block;
        posted->owner = owner;
    }
    posted->head = block;
    if (++posted->count == POSTED_MOST)
        _mpk_heap_post(heap, cache);
}

void _mpk_heap_read_mail(struct heap *heap, struct cache *cache) {
    void *block = atomic_exchange_explicit(&cache->mail, NULL, memory_order_acquire);
    for (void *next; block; block = next) {
        uint32_t unit = unit_of(heap, (uintptr_t)block);
        if (!unit)
            _mpk_heap_damaged(block);
        next = *(void **)block;
        if (unit_owner(unit) != cache->id) {
            deliver(heap, block);
            continue;
        }
        check_sent(block, unit_class(heap, unit));
        struct cache_bin *bin = unit_bin(cache, unit);
        if (bin->end - bin->top > unit_class(heap, unit)->batch)
            *bin->top++ = block;
        else
            _mpk_heap_give_block(heap, &cache->spans[unit_class_number(unit)],
                                 span_of(heap, (uintptr_t)block), block, false);
    }
}

void _mpk_heap_close_mail(struct heap *heap, struct cache *cache) {
    deliver_each(heap, atomic_exchange_explicit(&cache->mail, MAIL_CLOSED, memory_order_acquire));
}
