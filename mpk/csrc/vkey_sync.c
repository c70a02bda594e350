/* vkey_sync.c - makes all threads have the rights that the tables say (pku).
 *
 * PKRU belongs to a thread and can be changed by that thread only: each one that
 * must change is sent a signal, whose handler edits PKRU in the signal frame (and
 * in what gates and tries have saved), and answers. The threads are those that
 * /proc/self/task lists, looked at again until nobody new is there: Rust's, C's
 * and Python's, older than the key or not, with a record or without.
 *
 * An answer is believed when the rights that the handler found are those that the
 * tables say the thread had. It is asked again when a WRPKRU follows within reach
 * of the interrupted instruction (a value read before may yet be written), and
 * doubtful when they differ (the signal interrupted another handler, below which
 * older rights wait). A thread that blocks the signal, or lets the time pass, has
 * not answered. Then nothing is taken for granted: see _mpk_vkey_set_bits.
 *
 * A thread that has answered once is known: from then on its rights change by
 * mpk_begin, mpk_end and this file only. One that is new may have been created
 * inside a begin and have its creator's rights for good; so before a key changes
 * hands, those that are new are sent the signal too. (Threads older than mpk_init
 * have nobody's rights: there were no keys.)
 *
 * Attacker: foreign code may send this signal and call the handler: PKRU comes
 * out as the tables say, or as it was.
 * ASSUMES: between two looks a kernel thread id is not used again by a thread that
 * was created inside an mpk_begin and never called the runtime; and a library that
 * gives a key back to the kernel has closed it in threads that block our signal.
 *
 * Source: [pkeys(7)]; [libmpk], where the kernel does this.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "mpk_harden.h"
#include "signal_frame.h"
#include "try.h"
#include "vkey.h"
#include "vkey_tasks.h"

#define ATTEMPTS 5         /* of a thread that was in the middle of a change */
#define REACH_BYTES 256    /* from the pc: as far as RDPKRU and WRPKRU lie apart */
#define SPINS 200          /* before the other threads are let run */
#define LOOK_NS 2000000    /* then who blocks the signal is looked up, and again each time */
#define BLOCKED_LOOKS 5    /* in a row: blocked for good, not by a handler that ends, a fork or a thread's start */
#define PATIENCE_NS 2000000000

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* saved: rights from another moment; those on a pinned key are that moment's own. */
static uint32_t due(const struct vkey_thread *thread, uint32_t pkru, bool saved) {
    uint32_t pool = atomic_load(&VKEYS->pool);
    for (int key = 1; key < VKEY_HARDWARE; key++) {
        if (!(pool & 1u << key)) continue;
        uint32_t bits = atomic_load(&VKEYS->bits[key]);
        if (thread && atomic_load(&thread->pins[key])) {
            if (saved) continue;
            bits = _mpk_vkey_begun_bits(thread, key);
        }
        if (bits == VKEY_UNKNOWN) bits = PKRU_BOTH;
        pkru = (pkru & ~pkru_of_key(PKRU_BOTH, key)) | pkru_of_key(bits, key);
    }
    return pkru;
}

uint32_t _mpk_vkey_due(const struct vkey_thread *thread, uint32_t pkru) { return due(thread, pkru, false); }

uint32_t _mpk_vkey_host_pkru(const struct thread_record *record, uint32_t pkru) {
    if (!_mpk_vkeys_started()) return pkru;
    return _mpk_vkey_due(record ? _mpk_vkey_thread_at(record->slot) : NULL, pkru);
}

void _mpk_vkey_fix_self(void) {
    struct thread_record *record = _mpk_thread_find();
    const struct vkey_thread *thread = record ? _mpk_vkey_thread_at(record->slot) : NULL;
    pkru_write(_mpk_vkey_due(thread, pkru_read()));
    if (record) _mpk_vkey_fix_saved(record, thread);
}

void _mpk_vkey_fix_saved(struct thread_record *record, const struct vkey_thread *thread) {
    for (uint32_t i = 0; i < record->depth; i++)
        if (record->frames[i].kind & FRAME_FOREIGN)
            record->frames[i].saved_pkru = due(thread, record->frames[i].saved_pkru, true);
    struct try_frame *newest = record->tries ? _mpk_try_innermost(record) : NULL;
    for (uint32_t i = 0; i < record->tries; i++) (newest - i)->pkru = due(thread, (newest - i)->pkru, true);
}

/* ---- The thread that is asked. ----------------------------------------------- */

/* Asked of the kernel, which compares the word before it would wait: EFAULT, or not. */
static bool is_readable(uintptr_t address) {
    struct timespec at_once = {0, 0};
    return syscall(SYS_futex, address, FUTEX_WAIT_PRIVATE, 0, &at_once, NULL, 0) == 0 || errno != EFAULT;
}

/* Is there a WRPKRU ahead? Code may be under any key (PROT_EXEC alone), so all are
 * open for the look; its next page may not be there. */
static bool is_changing(const void *context) {
    uintptr_t pc = _mpk_frame_pc(context), next_page = (pc | (MPK_PAGE_BYTES - 1)) + 1, end = pc + REACH_BYTES;
    uint32_t rights = pkru_read();
    bool found = false;
    pkru_write(0);
    if (end + 2 > next_page && !is_readable(next_page)) end = next_page - 2;
    for (uintptr_t at = pc; at < end && !found; at++) {
        const uint8_t *code = (const uint8_t *)at;
        found = code[0] == 0x0f && code[1] == 0x01 && code[2] == 0xef;
    }
    pkru_write(rights);
    return found;
}

static enum vkey_verdict judge(const struct vkey_task *task, const struct vkey_thread *thread, uint32_t had,
                               bool foreign, const void *context) {
    int key = (int)VKEYS->sync_key;
    if (is_changing(context)) return VKEY_AGAIN;
    if (foreign || VKEYS->sync_from == VKEY_UNKNOWN || !atomic_load(&task->answered)) return VKEY_SURE;
    uint32_t found = had >> (2 * key) & PKRU_BOTH;
    if (found & PKRU_ACCESS_DISABLE) found = PKRU_BOTH; /* closed is closed */
    if (thread && atomic_load(&thread->pins[key]))
        return found == _mpk_vkey_begun_bits(thread, key) ? VKEY_SURE : VKEY_AGAIN;
    if (found == VKEYS->sync_from) return VKEY_SURE;
    bool again = atomic_load(&task->verdict) == VKEY_AGAIN && found == VKEYS->sync_to;
    return again ? VKEY_SURE : VKEY_DOUBTFUL;
}

/* Only a gate leaves the published key readable and not writable; a host thread
 * that it is closed to is one older than it, or inside a signal handler. */
static bool is_foreign(const struct thread_record *record, uint32_t pkru) {
    uint32_t published = MPK_RUNTIME->published_bits;
    if (record && _mpk_stacks_in_force()) return _mpk_record_is_foreign(record);
    if ((pkru & published) == (published & 0xaaaaaaaa)) return true;
    if (record) return _mpk_record_is_foreign(record);
    return (pkru & published) != 0 && !_mpk_thread_is_older(_mpk_thread_id());
}

static void answer(void *context) {
    struct vkey_task *task = _mpk_vkey_task(_mpk_thread_id());
    uint32_t round = atomic_load(&VKEYS->round), had;
    if (!_mpk_frame_pkru(context, &had)) _mpk_fatal("the kernel's signal frame does not hold PKRU");
    struct thread_record *record = _mpk_thread_find();
    const struct vkey_thread *thread = record ? _mpk_vkey_thread_at(record->slot) : NULL;
    bool foreign = is_foreign(record, had);
    enum vkey_verdict verdict = task ? judge(task, thread, had, foreign, context) : VKEY_AGAIN;
    uint64_t guarded = atomic_load(&MPK_RUNTIME->guarded);
    uint32_t own = MPK_RUNTIME->published_bits | MPK_RUNTIME->host_bits;
    uint32_t want = foreign ? (had & ~(uint32_t)(guarded >> 32)) | (uint32_t)guarded : had & ~own;
    /* Amid an accessor (mpk_access_begin), which has these two and no group: it keeps them. */
    if (foreign && !(had & MPK_RUNTIME->published_bits) && !_mpk_stacks_in_force()) want = (want & ~own) | (had & own);
    _mpk_frame_set_pkru(context, foreign ? want : _mpk_vkey_due(thread, want));
    if (record) _mpk_vkey_fix_saved(record, thread);
    if (!task) return;
    atomic_store(&task->verdict, verdict);
    atomic_store(&task->answered, round);
}

static void on_signal(int number, siginfo_t *info, void *context) {
    int saved_errno = errno;
    uint32_t entry = pkru_read();
    (void)number;
    (void)info;
    pkru_write((entry & ~_mpk_started.published_bits) | (_mpk_started.published_bits & 0xaaaaaaaa)); /* to read it */
    if (!_mpk_stays_closed()) { /* else no answer: whoever asks goes by the page tables */
        pkru_write(entry & ~_mpk_started.published_bits);
        answer(context);
    }
    pkru_restore(entry);
    errno = saved_errno;
}

/* ---- The thread that asks. --------------------------------------------------- */

static void ask(struct vkey_task *task, uint32_t round) {
    task->asked = round;
    syscall(SYS_tgkill, getpid(), atomic_load(&task->id), VKEYS->signal_number);
}

/* A thread that owes an answer from before has the signal waiting still. */
static bool is_deaf(const struct vkey_task *task) { return (int32_t)(atomic_load(&task->answered) - task->asked) < 0; }

static bool has_answered(const struct vkey_task *task, uint32_t round) {
    return atomic_load(&task->id) < 0 || atomic_load(&task->answered) == round;
}

/* Looks in a row that found the signal blocked, and how long the thread had run at the last. */
struct blocked { uint32_t looks; int64_t ran_ns; };

/* A thread that could go on, but is not let on a processor, has had no time to open the
 * signal (a C library starts each thread with all of them blocked): that look does not count. */
static enum vkey_task_state look_at(const struct vkey_task *task, struct blocked *blocked) {
    int64_t ran_ns;
    enum vkey_task_state state = _mpk_vkey_task_state(atomic_load(&task->id), VKEYS->signal_number, &ran_ns);
    bool had_time = ran_ns < 0 || ran_ns - blocked->ran_ns >= LOOK_NS;
    if (state != VKEY_TASK_BLOCKS) blocked->looks = 0;
    else if (had_time || !blocked->looks) *blocked = (struct blocked){blocked->looks + 1, ran_ns};
    return state;
}

/* Waits for the answer of one that was asked; false: it will not come. */
static bool await(struct vkey_task *task, uint32_t round, int64_t until) {
    int64_t next_look = 0;
    struct blocked blocked = {0};
    for (uint32_t spins = 0; !has_answered(task, round); spins++) {
        __builtin_ia32_pause();
        if (spins < SPINS) continue;
        syscall(SYS_sched_yield);
        int64_t now = now_ns();
        if (!next_look) next_look = now + LOOK_NS;
        if (now < next_look) continue;
        next_look = now + LOOK_NS;
        if (look_at(task, &blocked) == VKEY_TASK_GONE) return true;
        if (blocked.looks == BLOCKED_LOOKS || now > until) return has_answered(task, round);
    }
    return true;
}

/* One look and one round. all: also those that are known. Adds to *asked. */
static int one_round(bool all, uint32_t round, uint32_t *asked) {
    int32_t me = _mpk_thread_id();
    struct vkey_task *task;
    int64_t until = now_ns() + PATIENCE_NS;
    int error = _mpk_vkey_tasks_look();
    if (error) return error;
    for (uint32_t i = 0; (task = _mpk_vkey_task_live(i)); i++) {
        bool due = atomic_load(&task->id) != me && task->asked != round &&
                   (all || !atomic_load(&task->answered) || task->verdict != VKEY_SURE);
        if (!due) continue;
        ++*asked;
        if (is_deaf(task)) error = MPK_EPINNED;
        else ask(task, round);
    }
    for (uint32_t i = 0; (task = _mpk_vkey_task_live(i)); i++)
        if (task->asked == round && !await(task, round, until)) error = MPK_EPINNED;
    return error;
}

/* Those whose answer is not to be believed: asked once more; false: none. */
static bool any_doubt(uint32_t round, enum vkey_verdict *worst) {
    struct vkey_task *task;
    *worst = VKEY_SURE;
    for (uint32_t i = 0; (task = _mpk_vkey_task_live(i)); i++)
        if (task->asked == round && atomic_load(&task->id) > 0 && atomic_load(&task->verdict) > *worst)
            *worst = atomic_load(&task->verdict);
    return *worst != VKEY_SURE;
}

static int sync_threads(bool all) {
    enum vkey_verdict worst;
    int error = 0, failed = 0;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        uint32_t round = atomic_load(&VKEYS->round) + 1, asked, total = 0;
        atomic_store(&VKEYS->round, round ? round : 1);
        do { /* until a look finds nobody who was not asked */
            asked = 0;
            error = one_round(all, round, &asked);
            total += asked;
            if (error) failed = error;
        } while (asked && !error);
        VKEYS->syncs += total != 0;
        if (failed || !any_doubt(round, &worst)) return failed;
        if (worst == VKEY_DOUBTFUL) return MPK_EPINNED;
    }
    return MPK_EPINNED;
}

int _mpk_vkey_set_bits(int key, uint8_t bits) {
    uint8_t from = atomic_load(&VKEYS->bits[key]);
    bool all = from != bits, less = from == VKEY_UNKNOWN || (bits & ~from) != 0;
    if (_mpk_vkey_single()) {
        atomic_store(&VKEYS->bits[key], bits);
        if (all) _mpk_vkey_fix_self();
        return 0;
    }
    if (atomic_load(&MPK_RUNTIME->hardened) & MPK_HARDEN_SIGNALS || atomic_load(&MPK_RUNTIME->signals_end))
        return MPK_EPINNED; /* no handler may return */
    VKEYS->sync_key = (uint32_t)key;
    VKEYS->sync_from = from;
    VKEYS->sync_to = bits;
    atomic_store(&VKEYS->bits[key], bits); /* before anybody is asked */
    if (all) _mpk_vkey_fix_self();
    int error = sync_threads(all);
    if (!error || (!less && all)) return 0; /* who misses a raise is granted it by the fault handler */
    if (from == VKEY_UNKNOWN && error == MPK_EPINNED) return 0; /* ASSUMES, above */
    atomic_store(&VKEYS->bits[key], from);
    if (!all) return error;
    VKEYS->sync_from = VKEY_UNKNOWN; /* back, for those that have changed */
    VKEYS->sync_to = from;
    _mpk_vkey_fix_self();
    (void)sync_threads(true);
    return error;
}

int _mpk_vkey_sync_start(void) {
    struct sigaction action, old;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
    sigfillset(&action.sa_mask);
    for (int number = SIGRTMAX; number > SIGRTMIN; number--) { /* one that nobody uses */
        if (sigaction(number, NULL, &old) || old.sa_handler != SIG_DFL) continue;
        if (sigaction(number, &action, NULL)) return MPK_EKERNEL;
        VKEYS->signal_number = number;
        return 0;
    }
    return MPK_EKERNEL;
}
