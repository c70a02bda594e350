/* prim_mprotect.c - the contract of prim.h by page protection: rights per process.
 *
 * Terms. The *runner* is the one thread that may be in foreign code. Memory is
 * *closed* while it executes there, and *open* otherwise (also while the runtime
 * works for it: accessors keep the runner).
 *
 * Invariants: runtime.closed is 0 or the runner. While it is not 0, extent_lock
 * is held on the runner's behalf: nobody adds pages that would not be closed.
 *
 * What differs from pku, by nature: host threads wait while a foreign call runs
 * (in the fault handler, or here); system calls that touch closed memory return
 * EFAULT instead of waiting; a thread that foreign code creates without the
 * toolkit's pthread_create has the same rights as everybody.
 *
 * The words that sleepers are woken by lie in ordinary memory, because a sleeper
 * may not write guarded memory. Foreign code can disturb them: a sleep then takes
 * until its time-out (WAIT_NS), no decision rests on them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "prim.h"
#include "record.h"
#include "vkey_hooks.h"

#define WAIT_NS 1000000              /* one sleep; then the state is looked at again */
#define NOTICE_NS 5000000000         /* waiting that is worth a line on stderr */
#define NS_PER_S 1000000000

static _Atomic uint32_t wake_word;   /* ordinary memory: hints only */
static _Atomic uint32_t sleepers;
static _Atomic uint32_t noticed;

struct wait { int64_t began_ns; };

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void wait_a_little(struct wait *wait) {
    static const char notice[] =
        "galeed: a thread has waited five seconds for a foreign call of another thread to return "
        "(backend mprotect: one foreign call at a time; the pku backend has no such wait)\n";
    static const char held[] = /* only _mpk_extents_lock waits there */
        "galeed: a thread has waited five seconds for the list of domains and page groups (a signal handler "
        "or thread that ended amid a change of it?)\n";
    bool pku = MPK_RUNTIME->backend == MPK_BACKEND_PKU;
    int64_t now = now_ns();
    if (!wait->began_ns) wait->began_ns = now;
    if (now - wait->began_ns > NOTICE_NS && !atomic_exchange(&noticed, 1))
        (void)!write(STDERR_FILENO, pku ? held : notice, (pku ? sizeof held : sizeof notice) - 1);
    uint32_t seen = atomic_load(&wake_word);
    struct timespec limit = {0, WAIT_NS};
    atomic_fetch_add(&sleepers, 1);
    syscall(SYS_futex, &wake_word, FUTEX_WAIT_PRIVATE, seen, &limit, NULL, 0);
    atomic_fetch_sub(&sleepers, 1);
}

static void wake_sleepers(void) {
    if (!atomic_load(&sleepers)) return;
    atomic_fetch_add(&wake_word, 1);
    syscall(SYS_futex, &wake_word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

void _mpk_wait_until_open(uintptr_t fs_base) {
    struct wait wait = {0};
    for (;;) {
        uintptr_t closed = atomic_load(&MPK_RUNTIME->closed);
        if (closed == 0 || closed == fs_base) return;
        wait_a_little(&wait);
    }
}

/* The exchange is a write to the published range: while memory is closed for
 * another thread it faults, and the fault handler waits. So plain reads first. */
bool _mpk_runner_take(uintptr_t fs_base) {
    struct wait wait = {0};
    for (;;) {
        uintptr_t free = 0;
        if (atomic_load(&MPK_RUNTIME->runner) == fs_base) return false; /* this is a handler's gate */
        if (atomic_load(&MPK_RUNTIME->runner) == 0 &&
            atomic_compare_exchange_strong(&MPK_RUNTIME->runner, &free, fs_base))
            return true;
        wait_a_little(&wait);
    }
}

void _mpk_runner_release(void) {
    atomic_store(&MPK_RUNTIME->runner, 0);
    wake_sleepers();
}

bool _mpk_extents_mine(void) { return atomic_load(&MPK_RUNTIME->extent_lock) == _mpk_fs_base(); }

void _mpk_extents_lock(void) {
    struct wait wait = {0};
    uintptr_t me = _mpk_fs_base();
    for (int spins = 0;; spins++) {
        uintptr_t found = atomic_load(&MPK_RUNTIME->extent_lock);
        if (found == 0 && atomic_compare_exchange_strong(&MPK_RUNTIME->extent_lock, &found, me)) return;
        if (spins < 100 && found != me) __builtin_ia32_pause();
        else if (_mpk_prim()->is_closed()) _mpk_fatal("foreign code called what only the host may call");
        else if (found == me) _mpk_fatal("a signal handler needs the list of domains and page groups, which its "
                                         "thread was just changing; block the signal around such calls");
        else wait_a_little(&wait);
    }
}

void _mpk_extents_unlock(void) {
    atomic_store(&MPK_RUNTIME->extent_lock, 0);
    wake_sleepers();
}

static int mprotect_key_alloc(int *key) {
    *key = 0;
    return 0;
}

static int mprotect_tag(void *address, size_t bytes, int prot, int key) {
    (void)key;
    if (mprotect(address, bytes, prot) == 0) return 0;
    return errno == ENOMEM ? MPK_ENOMEM : MPK_EKERNEL;
}

static int prot_of(enum mpk_rights rights) {
    return rights == MPK_READ_WRITE ? PROT_READ | PROT_WRITE : rights == MPK_READ ? PROT_READ : PROT_NONE;
}

static int protect_part(uintptr_t base, size_t bytes, int prot) {
    return mprotect_tag((void *)base, bytes, prot, 0);
}

/* Applies rights to the domain's committed pages, shared runs left out. */
static int protect(struct domain_extent *extent, enum mpk_rights rights) {
    return _mpk_extent_parts(extent, protect_part, prot_of(rights));
}

static enum mpk_rights mprotect_rights_get(struct domain_extent *extent) {
    return (enum mpk_rights)atomic_load(&extent->rights);
}

/* What its pages say while nobody is foreign. */
static enum mpk_rights effective(struct domain_extent *extent) {
    return atomic_load(&extent->held) ? MPK_READ_WRITE : mprotect_rights_get(extent);
}

static int mprotect_rights_set(struct domain_extent *extent, enum mpk_rights rights) {
    int error = atomic_load(&extent->held) ? 0 : protect(extent, rights);
    if (!error) atomic_store(&extent->rights, rights);
    return error;
}

int _mpk_extent_hold(struct domain_extent *extent) {
    _mpk_extents_lock();
    int error = effective(extent) == MPK_READ_WRITE ? 0 : protect(extent, MPK_READ_WRITE);
    if (!error) atomic_fetch_add(&extent->held, 1);
    _mpk_extents_unlock();
    return error;
}

int _mpk_extent_let(struct domain_extent *extent) {
    _mpk_extents_lock();
    atomic_fetch_sub(&extent->held, 1);
    enum mpk_rights rights = effective(extent);
    int error = rights == MPK_READ_WRITE ? 0 : protect(extent, rights);
    _mpk_extents_unlock();
    return error;
}

static void protect_published(int prot) {
    if (mprotect((void *)MPK_PUBLISHED_BASE, MPK_PUBLISHED_BYTES, prot))
        _mpk_fatal("mprotect of the published range failed (errno %d): rights are undefined", errno);
}

/* Closing and opening take several system calls. A signal handler in between that
 * enters the host (mpk_callback_enter) would do all of them and then leave the rest to
 * be done a second time, in the wrong state: so none comes in between. */
static uint64_t hold_signals(void) {
    uint64_t faults = 1u << (SIGSEGV - 1) | 1u << (SIGBUS - 1) | 1u << (SIGILL - 1) | 1u << (SIGFPE - 1) |
                      1u << (SIGTRAP - 1) | 1u << (SIGABRT - 1);
    uint64_t all = ~faults, before = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
    return before;
}

static void let_signals(uint64_t before) {
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
}

/* A handler's gate would wait for ever for a lock that this thread holds. The runner
 * waits for other host threads here, which is short. */
static uint64_t extents_lock_and_hold(void) {
    uint64_t signals = hold_signals();
    _mpk_extents_lock();
    return signals;
}

static uint32_t mprotect_close_all(struct thread_record *record) {
    struct runtime *runtime = MPK_RUNTIME;
    uint64_t signals = extents_lock_and_hold();
    atomic_store(&runtime->closed, record->fs_base); /* before the first page: see fault.c */
    for (int i = 0; i < MPK_MAX_DOMAINS; i++) {
        struct domain_extent *extent = &runtime->extents[i];
        if (!extent->base) continue;
        enum mpk_rights had = effective(extent);
        enum mpk_rights rights = runtime->foreign_rights;
        if (had != rights && protect(extent, rights))
            _mpk_fatal("mprotect of a domain failed (errno %d): it cannot be closed", errno);
    }
    _mpk_vkey_close_all();
    protect_published(PROT_READ);
    let_signals(signals);
    return 1;
}

/* saved plays no part: the host's rights on each domain are in its extent. */
static void mprotect_open_all(struct thread_record *record, uint32_t saved) {
    struct runtime *runtime = MPK_RUNTIME;
    (void)record;
    (void)saved;
    uint64_t signals = hold_signals();
    protect_published(PROT_READ | PROT_WRITE);
    for (int i = 0; i < MPK_MAX_DOMAINS; i++) {
        struct domain_extent *extent = &runtime->extents[i];
        if (!extent->base) continue;
        enum mpk_rights rights = effective(extent);
        if (runtime->foreign_rights != rights && protect(extent, rights))
            _mpk_fatal("mprotect of a domain failed (errno %d): it cannot be opened", errno);
    }
    _mpk_vkey_open_all();
    atomic_store(&runtime->closed, 0);
    _mpk_extents_unlock();
    let_signals(signals);
}

static bool mprotect_is_closed(void) {
    return atomic_load_explicit(&MPK_RUNTIME->closed, memory_order_relaxed) == _mpk_fs_base();
}

const struct mpk_prim _mpk_prim_mprotect = {
    .key_alloc = mprotect_key_alloc,
    .tag = mprotect_tag,
    .rights_get = mprotect_rights_get,
    .rights_set = mprotect_rights_set,
    .close_all = mprotect_close_all,
    .open_all = mprotect_open_all,
    .is_closed = mprotect_is_closed,
};
