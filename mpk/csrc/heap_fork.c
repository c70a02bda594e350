/* heap_fork.c - the heap in a child: every lock is held around fork, so that no
 * run and no list of a class is caught half changed.
 *
 * The child has one thread. The caches of the others hold free blocks and runs,
 * and are emptied there. They are whole at every instant, because a bin's count
 * and a list's head are the last thing that a push or a pop writes; but a block
 * that its owner was just freeing is in no bin any more. At most one is lost for
 * each thread that the child does not have (heap->lost_threads).
 *
 * fork may be called by foreign code, so rights are opened around each step.
 *
 * ASSUMES: nobody forks around the C library (a bare clone system call).
 */
#define _GNU_SOURCE
#include <pthread.h>
#include "heap.h"

static void each_heap(void (*step)(struct heap *)) {
    int was_foreign = mpk_access_begin();
    for (uint32_t i = 0; i < MPK_MAX_DOMAINS; i++) {
        mpk_domain *domain = (mpk_domain *)MPK_RUNTIME->extents[i].base;
        enum mpk_rights previous;
        if (!domain || mpk_domain_open(domain, MPK_READ_WRITE, &previous))
            continue;
        if (domain->heap)
            step(domain->heap);
        mpk_domain_close(domain, previous);
    }
    mpk_access_end(was_foreign);
}

static void drop_other_caches(struct heap *heap) {
    _mpk_heap_unlock_all(heap);
    uint32_t own = _mpk_thread()->slot;
    for (uint32_t slot = 0; slot < MPK_THREADS; slot++) {
        struct cache_entry *entry = &heap->cache[slot];
        if (slot == own || !entry->cache)
            continue;
        /* Also one without an owner: its thread may have been emptying it. */
        _mpk_heap_cache_drop(heap, entry, true);
        heap->lost_threads++;
    }
}

static void before_fork(void) { each_heap(_mpk_heap_lock_all); }
static void after_fork_parent(void) { each_heap(_mpk_heap_unlock_all); }
static void after_fork_child(void) { each_heap(drop_other_caches); }

int _mpk_heap_fork_register(void) {
    static atomic_flag registered = ATOMIC_FLAG_INIT;
    if (atomic_flag_test_and_set(&registered))
        return MPK_OK;
    return pthread_atfork(before_fork, after_fork_parent, after_fork_child) ? MPK_ENOMEM : MPK_OK;
}
