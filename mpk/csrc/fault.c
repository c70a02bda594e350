/* fault.c - tells our faults from everybody else's, in SIGSEGV and SIGBUS; in SIGTRAP, where
 * trap.c serves pseudo-pointers.
 *
 * Ours are: a key of ours (pku), closed pages of ours (mprotect), a non-canonical
 * address with the pseudo-pointer's tag. Each is one of:
 *   - a host thread without its rights (the kernel starts signal handlers with
 *     every key closed; threads older than a key never had it; on mprotect,
 *     another thread's foreign call): granted, or waited for;
 *   - a page group of virtual keys: vkey_fault.c decides;
 *   - a foreign thread's signal handler that lacks even foreign rights: granted;
 *   - anything else: a violation.
 * All other faults go to whoever handled them before, as the kernel would.
 *
 * Who is foreign is decided by the thread's record, never by where the code lies:
 * a signal handler that runs on top of foreign code counts as foreign, also one
 * written in Rust, unless it comes in by mpk_callback_enter.
 *
 * Attacker: can raise any fault with any register values, send these signals, and
 * call the handler as a function with arguments of its own; so PKRU is put back
 * before it returns. Under part STACKS (pku) foreign code's faults are judged with foreign
 * code's rights throughout, so that nothing here opens them for who jumps to it.
 *
 * SIGBUS too, because a non-canonical address in RBP or RSP is a stack fault, and
 * the kernel turns that into SIGBUS.
 *
 * Source: [pkeys(7)], [SDM 3A 6.15] traps 12, 13, 14.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "fault_chain.h"
#include "host_pkru.h"
#include "prim.h"
#include "record.h"
#include "report.h"
#include "signal_frame.h"
#include "stacks.h"
#include "trap.h"
#include "try.h"
#include "vkey_hooks.h"

#define TAG_SHIFT 62  /* a pseudo-pointer has 10 in bits 63:62 */
#define TAG 2
#define RETRIES 10000 /* of one access that nothing forbids, until it is somebody else's */

static bool is_published(uintptr_t address) { return address - MPK_PUBLISHED_BASE < MPK_PUBLISHED_BYTES; }

static bool is_pku(void) { return MPK_RUNTIME->backend == MPK_BACKEND_PKU; }

static uint32_t guarded_mask(void) { return (uint32_t)(atomic_load(&MPK_RUNTIME->guarded) >> 32); }

/* The thread's record; none yet: one that says what it is. */
static struct thread_record *record_for_report(bool foreign) {
    struct thread_record *record = _mpk_thread_find();
    if (record) return record;
    return foreign ? _mpk_thread_born_foreign() : _mpk_thread();
}

static bool is_foreign_thread(uint32_t frame_pkru) {
    const struct thread_record *record = _mpk_thread_find();
    if (!is_pku()) return atomic_load(&MPK_RUNTIME->runner) == _mpk_fs_base();
    if (record && _mpk_stacks_in_force()) return _mpk_record_is_foreign(record);
    /* Write-disabled but readable: only a gate leaves the published key so. */
    uint32_t published = MPK_RUNTIME->published_bits;
    if ((frame_pkru & published) == (published & 0xaaaaaaaa)) return true;
    if (record) return _mpk_record_is_foreign(record);
    return (frame_pkru & published) != 0 && !_mpk_thread_is_older(_mpk_thread_id());
}

/* After the report: what policy asks for. pku: by the signal frame. */
static void apply(void *context, struct thread_record *record, const struct mpk_violation *v, uint32_t frame_pkru) {
    if (v->action == MPK_ON_VIOLATION_UNWIND) {
        struct try_frame *frame = _mpk_try_leave(record);
        if (is_pku()) {
            uint32_t mask = guarded_mask();
            _mpk_frame_set_pkru(context, (frame_pkru & ~mask) | (frame->pkru & mask));
        }
        _mpk_frame_continue(context, (uintptr_t)_mpk_try_resume, (uintptr_t)frame, (uintptr_t)record);
    } else if (is_pku()) { /* report: the access is let through, and what follows */
        uint32_t open = MPK_RUNTIME->published_bits | MPK_RUNTIME->host_bits;
        if (v->key >= 0) open |= pkru_of_key(PKRU_BOTH, v->key);
        _mpk_frame_set_pkru(context, frame_pkru & ~open);
    }
}

static void violation(void *context, struct mpk_violation *v, bool foreign, enum after_report after,
                      uint32_t frame_pkru) {
    if (_mpk_stays_closed()) { /* which allocation was hit is the domain's to say, and stays unsaid */
        v->pc = _mpk_frame_pc(context);
        v->function = mpk_gate_function();
        _mpk_report_closed(v);
    }
    struct domain_extent *extent = v->address ? _mpk_extent_at(v->address) : NULL;
    if (!is_pku()) { /* memory must be readable to tell what was hit; report leaves it open */
        if (_mpk_prim_mprotect.is_closed()) _mpk_prim_mprotect.open_all(_mpk_thread_find(), 1);
        if (extent && _mpk_prim_mprotect.rights_get(extent) != MPK_READ_WRITE) {
            enum mpk_rights previous;
            mpk_domain_open((mpk_domain *)extent->base, MPK_READ_WRITE, &previous);
        }
    }
    struct thread_record *record = record_for_report(foreign);
    struct mpk_allocation allocation;
    if (extent && mpk_heap_find((mpk_domain *)extent->base, v->address, &allocation)) {
        v->allocation = allocation.base;
        v->allocation_bytes = allocation.bytes;
    }
    v->pc = _mpk_frame_pc(context);
    v->function = foreign ? mpk_gate_function() : NULL;
    if (MPK_RUNTIME->violation_hook) MPK_RUNTIME->violation_hook(v);
    _mpk_report(record, v, after);
    apply(context, record, v, frame_pkru);
}

static void boundary(void *context, uintptr_t address, int key, bool foreign, uint32_t frame_pkru) {
    struct mpk_violation v = {.kind = MPK_BOUNDARY, .address = address, .key = key};
    v.access = _mpk_frame_access(context);
    v.detail = is_published(address) ? "the address is in the runtime's own, foreign-readable state"
             : foreign               ? "the page is closed to foreign code"
                                     : "host code that had not opened the domain";
    violation(context, &v, foreign, v.access == MPK_ACCESS_EXECUTE ? CANNOT_GO_ON : GOES_ON_OPEN, frame_pkru);
}

/* A page group of virtual keys. Returns false when the address is in none; else
 * *ours is what handled() returns. What is denied cannot be let through: the group
 * may have no key to open. */
static bool group_fault(void *context, uintptr_t address, int key, bool *ours) {
    uint32_t pkru = 0;
    if (is_pku() && !_mpk_frame_pkru(context, &pkru)) return false;
    bool foreign = is_foreign_thread(pkru);
    uint32_t want = pkru;
    enum vkey_fault decision = _mpk_vkey_fault(address, _mpk_frame_access(context), foreign, &want);
    *ours = decision != VKEY_DENIED;
    if (decision == VKEY_TRY_AGAIN && is_pku()) _mpk_frame_set_pkru(context, want);
    if (decision == VKEY_FOREIGN) {
        struct mpk_violation v = {.kind = MPK_BOUNDARY, .address = address, .key = key};
        v.access = _mpk_frame_access(context);
        v.detail = "the page group is closed to foreign code";
        violation(context, &v, true, CANNOT_GO_ON, pkru);
    }
    return decision != VKEY_NOT_OURS;
}

/* pku. Rights that the thread should have and the frame lacks are put there. */
static void key_fault(void *context, uintptr_t address, int key) {
    uint32_t had, want, denied = pkru_of_key(PKRU_ACCESS_DISABLE, key);
    if (!_mpk_frame_pkru(context, &had)) _mpk_fatal("the kernel's signal frame does not hold PKRU");
    bool foreign = is_foreign_thread(had);
    uint64_t guarded = atomic_load(&MPK_RUNTIME->guarded);
    if (_mpk_frame_access(context) == MPK_ACCESS_WRITE) denied |= pkru_of_key(PKRU_WRITE_DISABLE, key);
    want = foreign ? (had & ~(uint32_t)(guarded >> 32)) | (uint32_t)guarded
                   : had & ~(MPK_RUNTIME->published_bits | MPK_RUNTIME->host_bits);
    if (want != had && !(want & denied)) _mpk_frame_set_pkru(context, want);
    else boundary(context, address, key, foreign, had);
}

/* mprotect. Returns false when the fault is not ours after all. */
static bool page_fault(void *context, uintptr_t address) {
    static _Thread_local __attribute__((tls_model("initial-exec"))) struct {
        uintptr_t address;
        unsigned count;
    } retry; /* no rights hang on it */
    struct runtime *runtime = MPK_RUNTIME;
    uintptr_t me = _mpk_fs_base(), closed = atomic_load(&runtime->closed);
    uint32_t access = _mpk_frame_access(context);
    if (closed == me) {
        boundary(context, address, -1, true, 0);
        return true;
    }
    if (access == MPK_ACCESS_EXECUTE) return false;
    if (closed) {
        _mpk_wait_until_open(me);
        return true;
    }
    bool ours;
    if (group_fault(context, address, -1, &ours)) return ours;
    struct domain_extent *extent = _mpk_extent_at(address);
    enum mpk_rights rights = extent ? (enum mpk_rights)atomic_load(&extent->rights) : MPK_READ_WRITE;
    if (rights == MPK_NONE || (rights == MPK_READ && access == MPK_ACCESS_WRITE)) {
        boundary(context, address, -1, atomic_load(&runtime->runner) == me, 0);
        return true;
    }
    /* Allowed: opened between the fault and now. Unless it never ends. */
    if (retry.address != address) retry.count = 0;
    retry.address = address;
    return ++retry.count < RETRIES;
}

/* The host ran out of a huge allocation of its own. Foreign code is told of the
 * closed page, as everywhere. */
static bool guard_fault(void *context, uintptr_t address) {
    struct domain_extent *extent = _mpk_extent_at(address);
    struct mpk_allocation allocation;
    uint32_t pkru = 0;
    if (!extent) return false;
    if (is_pku() ? !_mpk_frame_pkru(context, &pkru) || is_foreign_thread(pkru)
                 : atomic_load(&MPK_RUNTIME->closed) || _mpk_prim_mprotect.rights_get(extent) == MPK_NONE)
        return false;
    if (!_mpk_heap_guard_find((mpk_domain *)extent->base, address, &allocation)) return false;
    struct mpk_violation v = {.kind = MPK_SPATIAL, .address = address, .access = _mpk_frame_access(context),
                              .allocation = allocation.base, .allocation_bytes = allocation.bytes,
                              .key = is_pku() ? extent->key : -1,
                              .detail = "the guard page beside a huge allocation was touched"};
    violation(context, &v, false, CANNOT_GO_ON, pkru);
    return true;
}

static bool rights_were_closed(uint32_t frame_pkru) {
    if (is_pku()) return (frame_pkru & MPK_RUNTIME->published_bits) != 0;
    return atomic_load(&MPK_RUNTIME->closed) == _mpk_fs_base();
}

/* The server's verdict on an access that it was asked to make. */
static bool serve(enum trap_outcome outcome, void *context, struct mpk_trap *trap) {
    if (outcome != TRAP_VIOLATED) return outcome == TRAP_SERVED;
    struct thread_record *record = _mpk_thread_find();
    uint32_t pkru = 0;
    if (is_pku() && !_mpk_frame_pkru(context, &pkru)) _mpk_fatal("the kernel's signal frame does not hold PKRU");
    trap->violation.function = mpk_gate_function();
    _mpk_report(record, &trap->violation, GOES_ON_REFUSED);
    if (trap->violation.action == MPK_ON_VIOLATION_UNWIND) {
        apply(context, record, &trap->violation, pkru);
    } else {
        _mpk_trap_reported(trap);
        if (!is_pku()) _mpk_prim_mprotect.close_all(record);
    }
    return true;
}

/* Foreign code by its record, which is made where it has none. */
static bool served_fault(void *context, uint32_t pkru) {
    struct thread_record *record = _mpk_thread_find();
    struct mpk_trap *trap = NULL;
    if (!rights_were_closed(pkru) || (record && !_mpk_record_is_foreign(record))) return false;
    enum trap_outcome outcome = _mpk_trap_fault(context, record, &trap);
    return serve(outcome, context, trap);
}

/* A raw address in the host domain: the server may know it as lent. */
static bool served_raw(void *context, uintptr_t address) {
    uint32_t pkru = 0;
    if (MPK_RUNTIME->on_trap != MPK_ON_TRAP_SERVE_RAW) return false;
    if (address < MPK_HOST_BASE || (address - MPK_HOST_BASE) >> MPK_HOST_SHIFT) return false;
    if (is_pku() && !_mpk_frame_pkru(context, &pkru)) return false;
    return is_foreign_thread(pkru) && served_fault(context, pkru);
}

static bool tagged_fault(void *context, bool may_serve) {
    struct memory_operand operand = _mpk_frame_tagged_operand(context, TAG_SHIFT, TAG);
    uint32_t pkru = 0;
    if (!operand.found) return false;
    if (is_pku() && !_mpk_frame_pkru(context, &pkru)) _mpk_fatal("the kernel's signal frame does not hold PKRU");
    bool foreign = is_foreign_thread(pkru);
    if (foreign && may_serve && served_fault(context, pkru)) return true;
    struct mpk_violation v = {.kind = MPK_FORGED, .handle = operand.address, .access = operand.access, .key = -1};
    v.detail = foreign ? "a pseudo-pointer was used by code that is not rewritten (or in a form that is not)"
                       : "a pseudo-pointer was used as an address by host code, or by C that no gate called";
    violation(context, &v, foreign, CANNOT_GO_ON, pkru);
    return true;
}

/* Returns true when the interrupted code can go on (where the frame says). */
static bool handled(int signal_number, const siginfo_t *info, void *context) {
    uintptr_t address = (uintptr_t)info->si_addr;
    struct thread_record *record = _mpk_thread_find();
    struct mpk_trap *trap = NULL;
    bool run = _mpk_trap_is_running(record);
    if (run) {
        enum trap_outcome outcome = _mpk_trap_signal(record, signal_number, info->si_code, context, &trap);
        if (serve(outcome, context, trap)) return true;
    }
    if (info->si_code == SI_KERNEL && _mpk_frame_is_address_trap(context)) return tagged_fault(context, !run);
    if (signal_number != SIGSEGV) return false;
    if (!run && served_raw(context, address)) return true;
    if (info->si_code == SEGV_ACCERR) _mpk_stacks_overflow(_mpk_thread_find(), address);
    if (is_pku()) {
        if (info->si_code <= SEGV_ACCERR && guard_fault(context, address)) return true;
        bool by_key = info->si_code == SEGV_PKUERR, ours;
        if ((by_key || info->si_code == SEGV_ACCERR) &&
            group_fault(context, address, by_key ? (int)info->si_pkey : -1, &ours))
            return ours;
        if (by_key && info->si_pkey < 16 &&
            (guarded_mask() & pkru_of_key(PKRU_BOTH, (int)info->si_pkey))) {
            key_fault(context, address, (int)info->si_pkey);
            return true;
        }
        uint32_t pkru;
        if (info->si_code != SEGV_ACCERR || _mpk_frame_access(context) != MPK_ACCESS_EXECUTE ||
            !_mpk_extent_at(address) || !_mpk_frame_pkru(context, &pkru) || !is_foreign_thread(pkru))
            return false;
        boundary(context, address, _mpk_extent_at(address)->key, true, pkru); /* jumped into our heap */
        return true;
    }
    bool known = is_published(address) || _mpk_extent_at(address) || _mpk_vkey_holds(address);
    if (info->si_code == SEGV_ACCERR && known && page_fault(context, address)) return true;
    /* Last: another thread may close the heap, and with it what this reads, at any time. */
    return info->si_code <= SEGV_ACCERR && guard_fault(context, address);
}

static int place_of(int signal_number) { return signal_number == SIGSEGV ? 0 : signal_number == SIGBUS ? 1 : 2; }

static void on_fault(int signal_number, siginfo_t *info, void *context) {
    int saved_errno = errno;
    uint32_t entry = 0;
    bool pku = _mpk_started.published_bits != 0, closed = false;
    if (pku) { /* the number of the key comes from the read-only page: nothing else is open yet */
        entry = pkru_read();
        pkru_write((entry & ~_mpk_started.published_bits) | (_mpk_started.published_bits & 0xaaaaaaaa));
        closed = _mpk_stays_closed();
        uint64_t guarded = atomic_load(&MPK_RUNTIME->guarded);
        pkru_write((entry & ~(uint32_t)(guarded >> 32)) | (closed ? (uint32_t)guarded : 0));
    }
    if (!handled(signal_number, info, context)) {
        uint32_t frame_pkru = 0;
        bool foreign = (!pku || _mpk_frame_pkru(context, &frame_pkru)) && is_foreign_thread(frame_pkru);
        uint64_t guarded = atomic_load(&MPK_RUNTIME->guarded);
        if (foreign && signal_number == SIGSEGV) _mpk_fault_say_overflow(_mpk_thread_find(), (uintptr_t)info->si_addr);
        struct previous_handler *previous = &MPK_RUNTIME->previous[place_of(signal_number)];
        struct previous_handler copy = *previous;
        if (!pku) _mpk_wait_until_open(_mpk_fs_base());
        if (copy.flags & (int)SA_RESETHAND && !(foreign && !pku) && !closed) previous->function = 0;
        if (pku) pkru_write(foreign ? (entry & ~(uint32_t)(guarded >> 32)) | (uint32_t)guarded
                                    : entry & ~(MPK_RUNTIME->published_bits | MPK_RUNTIME->host_bits));
        _mpk_fault_pass_on(&copy, signal_number, info, context);
    }
    if (pku) pkru_restore(entry);
    errno = saved_errno;
}

int mpk_faults_install(void) {
    int error = mpk_start();
    if (!error) MPK_RUNTIME->faults_early = 0; /* somebody needs them for good */
    return error ? error : _mpk_faults_install_started();
}

/* Under extent_lock, which fork takes too: a child finds both handlers or none. */
int _mpk_faults_install_started(void) {
    int error = 0;
    if (atomic_load(&MPK_RUNTIME->faults_installed)) return 0;
    _mpk_extents_lock();
    if (!atomic_load(&MPK_RUNTIME->faults_installed)) {
        error = _mpk_fault_take_over(SIGSEGV, on_fault, &MPK_RUNTIME->previous[0]);
        if (!error) error = _mpk_fault_take_over(SIGBUS, on_fault, &MPK_RUNTIME->previous[1]);
        if (!error && MPK_RUNTIME->on_trap != MPK_ON_TRAP_REFUSE)
            error = _mpk_fault_take_over(SIGTRAP, on_fault, &MPK_RUNTIME->previous[2]);
        if (!error) atomic_store(&MPK_RUNTIME->faults_installed, 1);
    }
    _mpk_extents_unlock();
    return error;
}

static bool is_default(int signal_number) {
    struct sigaction found;
    return sigaction(signal_number, NULL, &found) == 0 && found.sa_handler == SIG_DFL;
}

int _mpk_faults_install_for_gate(void) {
    if (atomic_load(&MPK_RUNTIME->faults_installed)) return 0;
    bool early = is_default(SIGSEGV) && is_default(SIGBUS) && _mpk_before_main();
    int error = _mpk_faults_install_started();
    if (!error && early) MPK_RUNTIME->faults_early = 1;
    return error;
}

/* A thread that a constructor started may need the handler at any time: it then stays. */
void _mpk_faults_stand_aside(void) {
    struct stat threads;
    if (stat("/proc/self/task", &threads) || threads.st_nlink != 3) return;
    _mpk_extents_lock();
    if (MPK_RUNTIME->faults_early && _mpk_fault_give_back(SIGSEGV, on_fault)) {
        _mpk_fault_give_back(SIGBUS, on_fault);
        if (MPK_RUNTIME->on_trap != MPK_ON_TRAP_REFUSE) _mpk_fault_give_back(SIGTRAP, on_fault);
        atomic_store(&MPK_RUNTIME->faults_installed, 0);
    }
    MPK_RUNTIME->faults_early = 0;
    _mpk_extents_unlock();
}

/* Rust installs its own handlers after its first allocation, and only where there
 * is none; the last of them is that of SIGBUS. */
void _mpk_faults_follow(void) {
    struct sigaction others;
    if (!is_pku() || atomic_load(&MPK_RUNTIME->faults_installed)) return;
    if (sigaction(SIGBUS, NULL, &others) || others.sa_handler == SIG_DFL) return;
    if (sigaction(SIGSEGV, NULL, &others) || others.sa_handler == SIG_DFL) return;
    _mpk_faults_install_started();
}
