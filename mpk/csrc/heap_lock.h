/* heap_lock.h - the heap's mutex, and what its hot paths tell the compiler.
 *
 * Invariant: state is 2 whenever a thread may sleep on it (heap_lock.c has the slow
 * halves, and says why this is no pthread_mutex_t).
 *
 * Attacker: locks lie in the domain, out of foreign code's reach.
 */
#ifndef GALEED_MPK_HEAP_LOCK_H
#define GALEED_MPK_HEAP_LOCK_H

#include <stdatomic.h>
#include <stdint.h>

#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

struct heap;
struct heap_lock {
    _Atomic uint32_t state;     /* 0 free, 1 held, 2 held and somebody sleeps */
};

void _mpk_heap_lock_wait(struct heap_lock *lock);
void _mpk_heap_lock_wake(struct heap_lock *lock);

static inline void heap_lock(struct heap_lock *lock) {
    uint32_t expected = 0;
    if (UNLIKELY(!atomic_compare_exchange_strong_explicit(&lock->state, &expected, 1,
                                                          memory_order_acquire,
                                                          memory_order_relaxed)))
        _mpk_heap_lock_wait(lock);
}

static inline void heap_unlock(struct heap_lock *lock) {
    if (UNLIKELY(atomic_exchange_explicit(&lock->state, 0, memory_order_release) == 2))
        _mpk_heap_lock_wake(lock);
}

/* Every lock of the heap, in order: for fork, checks and statistics. */
void _mpk_heap_lock_all(struct heap *heap);
void _mpk_heap_unlock_all(struct heap *heap);

#endif
