/* harden_signals.c - part SIGNALS: no signal frame gives anybody rights, or is written
 * where it hurts.
 *
 * The filter does most of it: rt_sigreturn kills, so that an edited or forged frame is
 * never restored (A3, A4, D2); handlers and signal stacks cannot be changed. Since
 * Linux 6.12 the kernel writes a frame with every key open, wherever RSP points (B10):
 * so every handler that exists is moved to the signal stack, and every
 * thread that has none is given one. A thread made later has none (THREAT_MODEL.md).
 *
 * A host thread that still lacks its rights (older than the keys, or not told of a
 * change of virtual keys) would get them by a fault and a return; it gets them now.
 * Virtual keys send no signals from before that on.
 *
 * mprotect: refused. A host thread that waits for another's foreign call waits in the
 * fault handler, and must return from it.
 *
 * Source: sigaltstack(2); [PKU Pitfalls].
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "harden.h"
#include "host_pkru.h"
#include "prim.h"
#include "record.h"
#include "signal_frame.h"
#include "vkey_hooks.h"

#define STACK_BYTES ((size_t)64 << 10) /* AVX-512 and AMX frames take 11 KiB */
#define GUARD_BYTES MPK_PAGE_BYTES
#define SIGNALS 64 /* numbers 1 to 64 */

int _mpk_harden_signals_check(struct hardening *h) {
    if (MPK_RUNTIME->backend != MPK_BACKEND_PKU)
        return _mpk_harden_refuse(h, MPK_HARDEN_SIGNALS, "cannot be had on the mprotect backend, where threads wait in "
                                  "the fault handler and return from it; make it optional (\"signals?\")");
    if (mpk_policy() != MPK_ON_VIOLATION_ABORT)
        return _mpk_harden_refuse(h, MPK_HARDEN_SIGNALS, "needs GALEED_ON_VIOLATION=abort: to unwind or to go on is to "
                                  "return from the fault handler");
    if (mpk_on_trap() != MPK_ON_TRAP_REFUSE)
        return _mpk_harden_refuse(h, MPK_HARDEN_SIGNALS, "needs GALEED_ON_TRAP=refuse: to serve an access is to return "
                                  "from the fault handler");
    if (h->task_directory < 0)
        return _mpk_harden_refuse(h, MPK_HARDEN_SIGNALS, "/proc/self/task cannot be read, so that threads could be missed");
    return _mpk_harden_each_thread(h, MPK_HARDEN_SIGNALS, HARDEN_PING);
}

static int give_stack(void) {
    stack_t has;
    if (sigaltstack(NULL, &has)) return errno;
    if (!(has.ss_flags & SS_DISABLE)) return 0;
    char *low = mmap(NULL, GUARD_BYTES + STACK_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (low == MAP_FAILED) return errno;
    stack_t stack = {.ss_sp = low + GUARD_BYTES, .ss_size = STACK_BYTES};
    if (mprotect(stack.ss_sp, STACK_BYTES, PROT_READ | PROT_WRITE) || sigaltstack(&stack, NULL)) {
        int why = errno;
        munmap(low, GUARD_BYTES + STACK_BYTES);
        return why;
    }
    return 0;
}

int _mpk_harden_signals_thread(void *context) {
    const struct thread_record *record = _mpk_thread_find();
    bool host = record ? !_mpk_record_is_foreign(record) : _mpk_thread_is_older(_mpk_thread_id());
    uint32_t pkru, open = MPK_RUNTIME->published_bits | MPK_RUNTIME->host_bits;
    if (context && host && _mpk_frame_pkru(context, &pkru))
        _mpk_frame_set_pkru(context, _mpk_vkey_host_pkru(record, pkru & ~open));
    if (!context) pkru_write(_mpk_vkey_host_pkru(record, pkru_read()));
    /* The kernel puts back the signal stack that the frame knows: it learns the new one. */
    int why = give_stack();
    if (!why && context) sigaltstack(NULL, &((ucontext_t *)context)->uc_stack);
    return why;
}

/* As the kernel has it. By system call: the C library hides the signals that it keeps
 * for itself (cancelling threads), whose handlers count as much. */
struct kernel_action {
    uintptr_t handler; /* 0: SIG_DFL, 1: SIG_IGN */
    unsigned long flags;
    uintptr_t restorer;
    uint64_t mask;
};

static long kernel_action(int number, const struct kernel_action *new, struct kernel_action *old) {
    return syscall(SYS_rt_sigaction, (long)number, new, old, sizeof old->mask);
}

static int move_handlers(struct hardening *h) {
    for (int number = 1; number <= SIGNALS; number++) {
        struct kernel_action action;
        if (kernel_action(number, NULL, &action))
            return _mpk_harden_refuse(h, MPK_HARDEN_SIGNALS, "the handler of signal %d cannot be asked for (%s)", number,
                                      strerror(errno));
        if (action.handler <= (uintptr_t)SIG_IGN || action.flags & SA_ONSTACK) continue;
        action.flags |= SA_ONSTACK;
        if (kernel_action(number, &action, NULL))
            return _mpk_harden_refuse(h, MPK_HARDEN_SIGNALS, "the handler of signal %d cannot be moved to the signal "
                                      "stack (%s)", number, strerror(errno));
    }
    return 0;
}

int _mpk_harden_signals_prepare(struct hardening *h) {
    _mpk_extents_lock(); /* who tells threads of a change of keys holds it */
    atomic_store(&MPK_RUNTIME->signals_end, 1);
    _mpk_extents_unlock();
    int error = _mpk_harden_each_thread(h, MPK_HARDEN_SIGNALS, HARDEN_SIGNAL_STACK); /* installs the fault handler */
    return error ? error : move_handlers(h);
}
