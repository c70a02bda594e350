/* thread.c - one record per thread, made on demand, given back at its end.
 *
 * Invariant: a record is written by its own thread only (and by the one thread
 * that fork leaves). depth, frames and tries describe that thread's gates.
 *
 * Which threads are the host's? One that has a record by its record. One that has
 * none only if it existed before the keys (runtime.older_threads): a thread that
 * foreign code created starts with its creator's closed rights and has no record,
 * and must not be granted any by the fault handler.
 *
 * A thread's end is learnt through a pthread key. Foreign code can clear the
 * key's slot (it is in ordinary memory): the record then stays, and serves the
 * next thread with the same FS base, which is how it would be found.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "harden.h"
#include "prim.h"
#include "record.h"
#include "stacks.h"
#include "vkey_hooks.h"

#define EXIT_ROUNDS 3 /* of the 4 that PTHREAD_DESTRUCTOR_ITERATIONS promises */

_Thread_local uintptr_t _mpk_record_guess;

int32_t _mpk_thread_id(void) { return (int32_t)syscall(SYS_gettid); }

static void forget(struct thread_record *record, uintptr_t state) {
    record->depth = record->born_foreign = record->tries = record->has_violation = 0;
    record->exit_rounds = record->hook_tries = 0;
    record->stack_low = record->stack_high = record->plain_gates = record->stack_mark = 0;
    atomic_store_explicit(&record->fs_base, state, memory_order_release);
}

static void give_back_caches(struct thread_record *record) {
    struct runtime *runtime = MPK_RUNTIME;
    _mpk_domains_lock();
    for (int i = 0; i < MPK_MAX_DOMAINS; i++) {
        struct domain_extent *extent = &runtime->extents[i];
        enum mpk_rights previous;
        if (!extent->base || extent->committed == 0) continue;
        mpk_domain *domain = (mpk_domain *)extent->base;
        if (_mpk_domain_hold(domain, &previous)) continue;
        _mpk_heap_thread_exit(domain, record);
        _mpk_domain_let(domain, previous);
    }
    _mpk_domains_unlock();
}

/* Runs on the ending thread, in foreign code when C ended it inside a call. The
 * thread then stays foreign on pku (its rights outlive its record). On mprotect
 * giving up the runner opens memory for everybody, so that is put off to the
 * last round, when the destructors of C have run. */
static void thread_exit(void *value) {
    int was_foreign = _mpk_access_begin_to("ended a thread of the host");
    struct thread_record *record = _mpk_thread_find();
    if (!record) {
        mpk_access_end(was_foreign);
        return;
    }
    bool mprotect_backend = MPK_RUNTIME->backend == MPK_BACKEND_MPROTECT;
    if (was_foreign && mprotect_backend && ++record->exit_rounds < EXIT_ROUNDS) {
        pthread_setspecific(MPK_RUNTIME->exit_key, value);
        mpk_access_end(was_foreign);
        return;
    }
    if (record->stack_mark && MPK_RUNTIME->thread_hook) MPK_RUNTIME->thread_hook(record->stack_mark);
    give_back_caches(record);
    _mpk_vkey_thread_exit(record);
    _mpk_stacks_release(record, true);
    bool runs = mprotect_backend && atomic_load(&MPK_RUNTIME->runner) == record->fs_base;
    forget(record, RECORD_VACANT);
    if (runs) _mpk_runner_release();
    else mpk_access_end(was_foreign);
}

/* A signal handler of this thread may be here first, at any instruction: then its record
 * is the one, since a second would never be found. */
static struct thread_record *create(void) {
    uintptr_t fs_base = _mpk_fs_base();
    uint32_t slot = _mpk_record_first(fs_base);
    for (uint32_t probes = 0; probes < MPK_THREADS; probes++, slot = (slot + 1) % MPK_THREADS) {
        struct thread_record *record = _mpk_record_at(slot);
        uintptr_t found = atomic_load_explicit(&record->fs_base, memory_order_relaxed);
        bool is_free = found == 0 || found == RECORD_VACANT;
        if (is_free) atomic_fetch_or(&MPK_RUNTIME->record_slots[slot / 64], UINT64_C(1) << slot % 64);
        if (is_free) record->slot = slot; /* before a handler can find it; whoever takes it writes the same */
        if (!is_free || !atomic_compare_exchange_strong(&record->fs_base, &found, fs_base)) {
            if (found == fs_base) return record;
            continue;
        }
        record->thread_id = _mpk_thread_id();
        pthread_setspecific(MPK_RUNTIME->exit_key, record);
        return record;
    }
    _mpk_fatal("%s (%d)", mpk_strerror(MPK_ETHREADS), MPK_THREADS);
}

struct thread_record *_mpk_thread_find(void) { return _mpk_record_of(_mpk_fs_base()); }

struct thread_record *_mpk_thread(void) {
    struct thread_record *record = _mpk_record_of(_mpk_fs_base());
    return likely(record != NULL) ? record : create();
}

struct thread_record *_mpk_thread_born_foreign(void) {
    struct thread_record *record = create();
    record->born_foreign = 1;
    return record;
}

/* glibc's, from the kernel: where the count of the program's arguments stands. */
extern char *__libc_stack_end __attribute__((weak));

/* Above the first thread's frames the kernel put the arguments and the environment. The C
 * library counts those on the last frame's page to the stack, which would end it in the
 * middle of one of them. They are in no frame: like statics, and as libc gives them out. */
static uintptr_t frames_end(uintptr_t low, uintptr_t high) {
    uintptr_t end = &__libc_stack_end ? (uintptr_t)__libc_stack_end : 0;
    return end - low < high - low ? end : high;
}

/* The C library reads the first thread's bounds from /proc/self/maps, if it can. */
static int stack_bounds(uintptr_t *low, uintptr_t *high) {
    pthread_attr_t attributes;
    void *start;
    size_t bytes;
    int error = pthread_getattr_np(pthread_self(), &attributes);
    if (error && _mpk_thread_id() == getpid()) { /* no file can be opened, perhaps */
        if (!MPK_RUNTIME->main_stack_high) _mpk_harden_guess_main_stack();
        *low = MPK_RUNTIME->main_stack_low;
        *high = MPK_RUNTIME->main_stack_high;
        return 0;
    }
    if (error) return error;
    error = pthread_attr_getstack(&attributes, &start, &bytes);
    pthread_attr_destroy(&attributes);
    *low = (uintptr_t)start;
    *high = (uintptr_t)start + bytes;
    return error;
}

static void install_faults(void) {
    int error = _mpk_faults_install_for_gate();
    if (error) _mpk_fatal("the fault handler cannot be installed: %s", mpk_strerror(error));
}

struct thread_record *_mpk_thread_for_gate(void) {
    struct thread_record *record = _mpk_thread();
    uintptr_t low, high;
    if (record->stack_high) {
        if (unlikely(!atomic_load(&MPK_RUNTIME->faults_installed))) install_faults();
        return record;
    }
    /* Taken for foreign, because a signal came before its first use of the runtime; but
     * here it is with rights, outside of all gates: nobody but the host has those. */
    if (!record->depth) record->born_foreign = 0;
    int error = stack_bounds(&low, &high);
    if (error) _mpk_fatal("the bounds of this thread's stack are unknown (error %d)", error);
    install_faults();
    record->stack_low = low;
    record->stack_high = frames_end(low, high);
    return record;
}

void mpk_thread_stack(struct mpk_stack *stack) {
    struct thread_record *record = _mpk_thread_for_gate();
    *stack = (struct mpk_stack){record->stack_low, record->stack_high, &record->stack_mark};
}

int mpk_thread_is_born_foreign(void) {
    const struct thread_record *record = _mpk_started.started ? _mpk_thread_find() : NULL;
    return record && record->born_foreign;
}

bool _mpk_thread_is_older(int32_t thread_id) {
    for (int i = 0; i < MPK_OLDER_THREADS; i++)
        if (MPK_RUNTIME->older_threads[i] == thread_id) return true;
    return false;
}

/* By system calls alone: opendir would allocate, and the allocator may be the
 * one that is being started. */
static int count_threads(int32_t older[MPK_OLDER_THREADS]) {
    struct { uint64_t inode; int64_t offset; uint16_t bytes; uint8_t type; char name[]; } *entry;
    _Alignas(8) char buffer[2048];
    int count = 0;
    int directory = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return 1; /* no /proc: no older thread can be told, none is granted rights */
    for (;;) {
        long bytes = syscall(SYS_getdents64, directory, buffer, sizeof buffer);
        if (bytes <= 0) break;
        for (long at = 0; at < bytes; at += entry->bytes) {
            entry = (void *)(buffer + at);
            int id = atoi(entry->name);
            if (id <= 0) continue;
            if (older && count < MPK_OLDER_THREADS) older[count] = id;
            count++;
        }
    }
    close(directory);
    return count;
}

int _mpk_threads_note_older(void) { return count_threads(MPK_RUNTIME->older_threads); }
int _mpk_threads_count(void) { return count_threads(NULL); }

/* fork: only the calling thread lives on. The locks of others are waited for
 * before; their records are lost after. C may fork inside a foreign call: the
 * handlers then work with rights open, and the child's thread is foreign still. */
void _mpk_threads_fork_prepare(void) {
    int was_foreign = _mpk_access_begin_to("called fork");
    _mpk_extents_lock();
    MPK_RUNTIME->forking_foreign = was_foreign;
}

void _mpk_threads_fork_parent(void) {
    int was_foreign = MPK_RUNTIME->forking_foreign;
    _mpk_extents_unlock();
    mpk_access_end(was_foreign);
}

void _mpk_threads_fork_child(void) {
    _mpk_harden_fork_child();
    if (_mpk_harden_forked()) return;
    uintptr_t me = _mpk_fs_base();
    for (uint32_t slot = 0; slot < MPK_THREADS; slot++) {
        if (!_mpk_record_was_used(slot)) continue;
        struct thread_record *record = _mpk_record_at(slot);
        uintptr_t fs_base = atomic_load(&record->fs_base);
        if (fs_base == me) record->thread_id = _mpk_thread_id();
        else if (fs_base > RECORD_LOST) {
            _mpk_stacks_release(record, false);
            forget(record, RECORD_LOST);
        }
    }
    _mpk_vkey_fork_child();
    uintptr_t runner = atomic_load(&MPK_RUNTIME->runner);
    if (runner != 0 && runner != me) atomic_store(&MPK_RUNTIME->runner, 0);
    _mpk_threads_fork_parent();
}

int _mpk_threads_start(void) {
    if (pthread_key_create(&MPK_RUNTIME->exit_key, thread_exit)) {
        errno = EAGAIN;
        return MPK_EKERNEL;
    }
    return 0;
}
