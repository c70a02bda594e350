/* heap_lock.c - the heap's mutex: one word inside the domain, sleeping by futex.
 *
 * Why not pthread_mutex_t: its word may lie in the domain, but its attributes
 * and the C library's bookkeeping (owner, robust list) would be read from memory
 * that foreign code can write.
 *
 * Invariant: state is 2 whenever a thread may sleep on it.
 *
 * The kernel reads the word with the caller's rights. On the mprotect backend
 * another thread may have closed the domain by then, and the call fails with
 * EFAULT: the loop then touches the word itself, and the fault handler lets it
 * wait for the domain to open.
 *
 * Attacker: foreign code cannot reach the word. It can keep the domain closed on
 * the mprotect backend, which is waiting, not breaking.
 *
 * Source: U. Drepper, "Futexes Are Tricky", the third mutex.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "heap.h"

#define SPINS 64                /* a lock is held for well under a microsecond, mostly */

void _mpk_heap_lock_wait(struct heap_lock *lock) {
    for (int spin = 0; spin < SPINS; spin++) {
        uint32_t expected = 0;
        if (atomic_load_explicit(&lock->state, memory_order_relaxed) == 0 &&
            atomic_compare_exchange_strong_explicit(&lock->state, &expected, 1,
                                                    memory_order_acquire, memory_order_relaxed))
            return;
        __builtin_ia32_pause();
    }
    int saved = errno; /* a free between a failed call and the look at errno must not show */
    while (atomic_exchange_explicit(&lock->state, 2, memory_order_acquire) != 0)
        syscall(SYS_futex, &lock->state, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0);
    errno = saved;
}

void _mpk_heap_lock_wake(struct heap_lock *lock) {
    int saved = errno;
    syscall(SYS_futex, &lock->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    errno = saved;
}

void _mpk_heap_lock_all(struct heap *heap) {
    heap_lock(&heap->share);
    for (uint32_t class_ = 0; class_ < CLASSES; class_++)
        heap_lock(&heap->centrals[class_].lock);
    heap_lock(&heap->pages);
}

void _mpk_heap_unlock_all(struct heap *heap) {
    heap_unlock(&heap->pages);
    for (uint32_t class_ = CLASSES; class_-- > 0;)
        heap_unlock(&heap->centrals[class_].lock);
    heap_unlock(&heap->share);
}
