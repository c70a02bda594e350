/* fork.c - a fork and the runtime: which lock is waited for in which order, and what the
 * child begins with.
 *
 * One set of handlers for everything, registered before main: a fork while another
 * thread starts the runtime or makes its first domain must find them. They run in the copy
 * of this code that started the runtime; one that joined has nothing of its own.
 *
 * Order of locks: start, host, domains, each heap's, extents.
 *
 * ASSUMES: nobody forks around the C library (a bare clone system call).
 */
#define _GNU_SOURCE
#include <pthread.h>
#include "heap.h"
#include "prim.h"
#include "record.h"

static bool is_ours(void) { return _mpk_started.started && !_mpk_started.joined; }

static void prepare(void) {
    _mpk_start_lock();
    if (!is_ours()) return;
    _mpk_heap_fork_prepare();
    _mpk_threads_fork_prepare();
}

static void parent(void) {
    if (is_ours()) {
        _mpk_threads_fork_parent();
        _mpk_heap_fork_parent();
    }
    _mpk_start_unlock();
}

static void child(void) {
    if (is_ours()) {
        _mpk_threads_fork_child();
        _mpk_heap_fork_child();
    }
    _mpk_start_unlock();
}

int _mpk_fork_register(void) {
    static atomic_flag registered = ATOMIC_FLAG_INIT;
    if (atomic_flag_test_and_set(&registered) || !pthread_atfork(prepare, parent, child)) return 0;
    atomic_flag_clear(&registered);
    return MPK_ENOMEM;
}

/* With a priority: before the constructor of galeed, whose handlers have to be the later ones. */
__attribute__((constructor(1000))) static void register_early(void) { (void)_mpk_fork_register(); }
