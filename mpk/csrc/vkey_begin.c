/* vkey_begin.c - mpk_begin and mpk_end.
 *
 * Invariants: the hit makes no system call, takes no lock and writes only the
 * thread's own entry. A thread's rights are widened after its pin is stored and
 * looked at again (vkey.h), and narrowed before the pin is taken back.
 *
 * A signal handler may begin and end on top of either: each step leaves the entry
 * such that a pair in between changes nothing. The miss takes a lock; a handler that
 * finds it with its own thread is told so instead of waiting for ever.
 *
 * Attacker: foreign code that calls these faults at the first store (pku), or is
 * told off.
 *
 * Source: [libmpk]; [ERIM] for the compare after the write (pkru.h).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include "vkey.h"
#include "vkey_hooks.h"

#define POLL_NS 100000 /* between two looks for a key, while begin waits for one */
#define NS_PER_MS 1000000
#define NS_PER_S 1000000000

/* Orders for a signal handler of this thread, and what membarrier makes an order
 * for other threads. */
static inline void own_order(void) { atomic_signal_fence(memory_order_seq_cst); }

static inline bool on_own_stack(const struct thread_record *record, uintptr_t stack) {
    return stack - record->stack_low < record->stack_high - record->stack_low;
}

/* The caller's record; NULL: its first time here. */
static inline struct thread_record *hinted_record(void) {
    uintptr_t hint, stack, guess = _mpk_guess();
    __asm__ volatile("movq %%fs:0, %0\n\tmovq %%rsp, %1" : "=r"(hint), "=r"(stack));
    struct thread_record *record = _mpk_record_around(guess);
    if (likely(_mpk_guess_is_in_a_record(guess) &&
               atomic_load_explicit(&record->fs_base, memory_order_relaxed) == hint && on_own_stack(record, stack)))
        return record;
    struct thread_record *found = _mpk_record_of(_mpk_fs_base());
    if (found && found != record) _mpk_record_guess = (uintptr_t)found;
    return found;
}

static inline void write_bits(int key, uint8_t bits) {
    pkru_write((pkru_read() & ~pkru_of_key(PKRU_BOTH, key)) | pkru_of_key(bits, key));
}

static inline void pin(struct vkey_thread *thread, int key, bool may_write) {
    thread->levels[key] = thread->levels[key] << 1 | may_write;
    uint8_t pins = atomic_load_explicit(&thread->pins[key], memory_order_relaxed);
    atomic_store_explicit(&thread->pins[key], pins + 1, memory_order_relaxed);
    own_order();
}

static inline void unpin_unused(struct vkey_thread *thread, int key) {
    uint8_t pins = atomic_load_explicit(&thread->pins[key], memory_order_relaxed);
    atomic_store_explicit(&thread->pins[key], pins - 1, memory_order_relaxed);
    thread->levels[key] >>= 1;
}

static inline void push(struct vkey_thread *thread, int index, int key, bool may_write) {
    uint32_t place = thread->depth;
    *(volatile uint32_t *)&thread->depth = place + 1; /* first: a handler's pair goes above */
    own_order();
    thread->order[place] = _mpk_vkey_entry(index, key, may_write);
}

struct vkey_thread *_mpk_vkey_own(void) {
    struct thread_record *record = _mpk_thread_for_gate();
    struct vkey_thread *thread = _mpk_vkey_thread_at(record->slot);
    if (likely(thread->place)) return thread;
    if (_mpk_vkey_is_pku()) { /* who uses virtual keys must hear of their changes */
        sigset_t only;
        sigemptyset(&only);
        sigaddset(&only, VKEYS->signal_number);
        pthread_sigmask(SIG_UNBLOCK, &only, NULL);
    }
    _mpk_extents_lock();
    if (VKEYS->active_count) atomic_store(&VKEYS->threaded, 1);
    VKEYS->active[VKEYS->active_count++] = (uint16_t)record->slot;
    thread->place = VKEYS->active_count;
    _mpk_extents_unlock();
    return thread;
}

int _mpk_vkey_begun(const struct vkey_thread *thread, int index) {
    for (uint32_t i = thread->depth; i-- > 0;)
        if (_mpk_vkey_entry_group(thread->order[i]) == index)
            return _mpk_vkey_entry_writes(thread->order[i]) ? PROT_READ | PROT_WRITE : PROT_READ;
    return -1;
}

static void recount(int index, int prot, int by) {
    if (prot >= 0) _mpk_vkey_count(index, prot & PROT_WRITE, by);
}

/* mprotect. pre: lock. */
static int begin_pages(struct vkey_thread *thread, int index, bool may_write) {
    int before = _mpk_vkey_begun(thread, index);
    recount(index, before, -1);
    _mpk_vkey_count(index, may_write, 1);
    int error = _mpk_vkey_apply(index);
    if (!error) {
        push(thread, index, 0, may_write);
        return 0;
    }
    _mpk_vkey_count(index, may_write, -1);
    recount(index, before, 1);
    return error;
}

static int begin_locked(struct vkey_thread *thread, int vkey, int prot, int *key) {
    int index = _mpk_vkey_find(vkey), error = 0;
    bool may_write = prot & PROT_WRITE;
    if (index < 0) return MPK_EVKEY;
    struct vkey_group *group = VKEY_GROUP(index);
    if (prot & ~group->ceiling) return MPK_EINVALID;
    if (!_mpk_vkey_is_pku()) {
        VKEYS->misses++; /* each begin changes pages, or may */
        return begin_pages(thread, index, may_write);
    }
    if (!atomic_load(&group->key)) {
        error = _mpk_vkey_load(index);
        if (error) return error;
        VKEYS->misses++;
    }
    *key = atomic_load(&group->key);
    pin(thread, *key, may_write);
    thread->last[*key] = atomic_load_explicit(&VKEYS->clock, memory_order_relaxed);
    push(thread, index, *key, may_write);
    return 0;
}

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static __attribute__((noinline)) int begin_slow(int vkey, int prot) {
    if (prot != PROT_READ && prot != (PROT_READ | PROT_WRITE)) return MPK_EINVALID;
    if (!_mpk_vkeys_started()) return MPK_EVKEY;
    if (_mpk_prim()->is_closed()) _mpk_fatal("foreign code called mpk_begin");
    if (_mpk_extents_mine()) return MPK_EPINNED;
    struct vkey_thread *thread = _mpk_vkey_own();
    if (thread->depth == MPK_BEGIN_DEPTH) return MPK_ENESTED;
    int64_t until = 0;
    for (;;) {
        int key = 0;
        _mpk_extents_lock();
        int error = begin_locked(thread, vkey, prot, &key);
        _mpk_extents_unlock();
        if (!error && key) write_bits(key, _mpk_vkey_bits_of(prot));
        if (error != MPK_EPINNED) return error;
        uint32_t patience = atomic_load(&VKEYS->wait_ms);
        if (!patience) return error;
        if (!until) until = now_ns() + (int64_t)patience * NS_PER_MS;
        if (now_ns() >= until) return error;
        nanosleep(&(struct timespec){0, POLL_NS}, NULL);
    }
}

int mpk_begin(int vkey, int prot) {
    if (unlikely(!_mpk_vkeys_started() || !_mpk_vkey_is_pku())) return begin_slow(vkey, prot);
    struct thread_record *record = hinted_record();
    if (unlikely(!record)) return begin_slow(vkey, prot);
    struct vkey_thread *thread = _mpk_vkey_thread_of(record);
    int index = _mpk_vkey_find_at_once(vkey);
    if (unlikely(index < 0 || !thread->place || thread->depth == MPK_BEGIN_DEPTH)) return begin_slow(vkey, prot);
    struct vkey_group *group = VKEY_GROUP(index);
    int key = atomic_load_explicit(&group->key, memory_order_relaxed);
    if (unlikely(!key || prot & ~group->ceiling || (prot | PROT_WRITE) != (PROT_READ | PROT_WRITE)))
        return begin_slow(vkey, prot);
    bool may_write = prot & PROT_WRITE;
    pin(thread, key, may_write);
    if (unlikely(atomic_load_explicit(&group->key, memory_order_relaxed) != key ||
                 atomic_load_explicit(&group->name, memory_order_relaxed) != (uint32_t)vkey + 1)) {
        unpin_unused(thread, key); /* it was being evicted just now */
        return begin_slow(vkey, prot);
    }
    thread->last[key] = atomic_load_explicit(&VKEYS->clock, memory_order_relaxed);
    thread->hits++;
    push(thread, index, key, may_write);
    write_bits(key, may_write ? 0 : PKRU_WRITE_DISABLE);
    return 0;
}

/* pku. The entry in order is gone already. */
static inline void unpin(struct thread_record *record, struct vkey_thread *thread, int key) {
    uint8_t pins = atomic_load_explicit(&thread->pins[key], memory_order_relaxed) - 1;
    thread->levels[key] >>= 1;
    uint8_t bits = pins ? _mpk_vkey_begun_bits(thread, key)
                        : atomic_load_explicit(&VKEYS->bits[key], memory_order_relaxed);
    write_bits(key, bits);
    own_order();
    atomic_store_explicit(&thread->pins[key], pins, memory_order_release);
    own_order();
    if (likely(pins)) return;
    if (unlikely(record->depth || record->tries)) _mpk_vkey_fix_saved(record, thread);
    /* A change that came while the pin still stood: its signal left the bits alone. */
    if (unlikely(atomic_load_explicit(&VKEYS->bits[key], memory_order_relaxed) != bits)) _mpk_vkey_fix_self();
}

/* mprotect: a begin ended. */
static int end_pages(const struct vkey_thread *thread, uint32_t entry) {
    int index = _mpk_vkey_entry_group(entry);
    _mpk_extents_lock();
    _mpk_vkey_count(index, _mpk_vkey_entry_writes(entry), -1);
    recount(index, _mpk_vkey_begun(thread, index), 1);
    int error = _mpk_vkey_apply(index);
    _mpk_extents_unlock();
    return error;
}

static bool names(uint32_t entry, int vkey) {
    return vkey >= 0 && atomic_load(&VKEY_GROUP(_mpk_vkey_entry_group(entry))->name) == (uint32_t)vkey + 1;
}

/* Takes the newest begin on that virtual key out of the thread's row; false: there is none.
 * By the row: what is begun keeps its name, and the index may be in motion. */
static bool take_entry(struct vkey_thread *thread, int vkey, uint32_t *entry) {
    for (uint32_t i = thread->depth; i-- > 0;) {
        *entry = thread->order[i];
        if (!names(*entry, vkey)) continue;
        memmove(&thread->order[i], &thread->order[i + 1], (thread->depth - i - 1) * sizeof *thread->order);
        thread->depth--;
        return true;
    }
    return false;
}

static int why_not_begun(int vkey) {
    if (_mpk_extents_mine()) return MPK_EINVALID;
    _mpk_extents_lock();
    int error = _mpk_vkey_find(vkey) < 0 ? MPK_EVKEY : MPK_EINVALID;
    _mpk_extents_unlock();
    return error;
}

static __attribute__((noinline)) int end_slow(int vkey) {
    if (!_mpk_vkeys_started()) return MPK_EVKEY;
    if (_mpk_prim()->is_closed()) _mpk_fatal("foreign code called mpk_end");
    if (!_mpk_vkey_is_pku() && _mpk_extents_mine()) return MPK_EPINNED; /* its end needs the lock */
    struct thread_record *record = _mpk_thread();
    struct vkey_thread *thread = _mpk_vkey_thread_at(record->slot);
    uint32_t entry;
    if (!take_entry(thread, vkey, &entry)) return why_not_begun(vkey);
    if (!_mpk_vkey_is_pku()) return end_pages(thread, entry);
    unpin(record, thread, _mpk_vkey_entry_key(entry));
    return 0;
}

int mpk_end(int vkey) {
    if (unlikely(!_mpk_vkeys_started() || !_mpk_vkey_is_pku())) return end_slow(vkey);
    struct thread_record *record = hinted_record();
    if (unlikely(!record)) return end_slow(vkey);
    struct vkey_thread *thread = _mpk_vkey_thread_of(record);
    uint32_t depth = thread->depth;
    if (unlikely(!depth || depth > MPK_BEGIN_DEPTH)) return end_slow(vkey);
    uint32_t entry = thread->order[depth - 1];
    if (unlikely(!names(entry, vkey))) return end_slow(vkey); /* not the newest one */
    *(volatile uint32_t *)&thread->depth = depth - 1;
    unpin(record, thread, _mpk_vkey_entry_key(entry));
    return 0;
}

void _mpk_vkey_end_to(struct vkey_thread *thread, uint32_t depth) {
    while (thread->depth > depth) {
        uint32_t entry = thread->order[--thread->depth];
        if (_mpk_vkey_is_pku()) unpin(_mpk_thread(), thread, _mpk_vkey_entry_key(entry));
        else end_pages(thread, entry);
    }
}

void mpk_keys_wait(uint32_t milliseconds) {
    if (_mpk_vkeys_init() == 0) atomic_store(&VKEYS->wait_ms, milliseconds);
}
