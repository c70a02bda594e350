/* fault_chain.c - see fault_chain.h.
 *
 * Invariant: a fault that is not ours ends as it would have without us: in the
 * previous handler with its own mask and arguments, or in the default action at
 * the faulting instruction (so that core dump and exit status are the real ones).
 *
 * One difference: a previous handler that did not ask for the signal stack runs
 * on it nevertheless, because this signal was taken there.
 *
 * Source: sigaction(2), kernel/signal.c's force_sig: an ignored or blocked fault
 * takes the default action.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include "fault_chain.h"

/* Raised by the handler itself, if at all. */
static const int synchronous[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGABRT};

int _mpk_fault_take_over(int signal_number, void (*handler)(int, siginfo_t *, void *),
                         struct previous_handler *previous) {
    struct sigaction ours, old;
    memset(&ours, 0, sizeof ours);
    ours.sa_sigaction = handler;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
    /* A handler that interrupted ours would start with rights closed, and its first
     * access would find SIGSEGV blocked: the end of the process. So none does. */
    sigfillset(&ours.sa_mask);
    for (unsigned i = 0; i < sizeof synchronous / sizeof *synchronous; i++) sigdelset(&ours.sa_mask, synchronous[i]);
    if (sigaction(signal_number, NULL, &old)) return MPK_EKERNEL;
    if (old.sa_sigaction == handler) return 0; /* a second try after half of a first one */
    previous->function = (uintptr_t)old.sa_handler; /* shares its place with sa_sigaction */
    previous->flags = old.sa_flags;
    memcpy(&previous->mask, &old.sa_mask, sizeof previous->mask);
    return sigaction(signal_number, &ours, NULL) ? MPK_EKERNEL : 0;
}

bool _mpk_fault_give_back(int signal_number, void (*handler)(int, siginfo_t *, void *)) {
    struct sigaction found, none;
    memset(&none, 0, sizeof none);
    none.sa_handler = SIG_DFL;
    if (sigaction(signal_number, NULL, &found) || found.sa_sigaction != handler) return false;
    return sigaction(signal_number, &none, NULL) == 0;
}

static void take_default_action(int signal_number, const siginfo_t *info) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_DFL;
    /* Refused, and no return either, by part SIGNALS of mpk_harden. A fault here is one
     * of a signal that is blocked, or comes to be: the kernel ends the process by it. */
    if (sigaction(signal_number, &action, NULL)) __asm__ volatile("hlt");
    /* A fault recurs when we return. A signal that was sent does not, nor a trap: again. */
    if (info->si_code <= 0 || signal_number == SIGTRAP) syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), signal_number);
}

void _mpk_fault_pass_on(const struct previous_handler *previous, int signal_number, siginfo_t *info, void *context) {
    if (previous->function == (uintptr_t)SIG_IGN && info->si_code <= 0) return;
    if (previous->function == (uintptr_t)SIG_IGN || previous->function == (uintptr_t)SIG_DFL) {
        take_default_action(signal_number, info);
        return;
    }
    uint64_t interrupted, wanted;
    sigset_t mask;
    memcpy(&interrupted, &((ucontext_t *)context)->uc_sigmask, sizeof interrupted);
    wanted = interrupted | previous->mask;
    if (!(previous->flags & SA_NODEFER)) wanted |= (uint64_t)1 << (signal_number - 1);
    sigemptyset(&mask);
    memcpy(&mask, &wanted, sizeof wanted);
    sigprocmask(SIG_SETMASK, &mask, NULL); /* the return from our handler undoes it */
    if (previous->flags & SA_SIGINFO)
        ((void (*)(int, siginfo_t *, void *))previous->function)(signal_number, info, context);
    else
        ((void (*)(int))previous->function)(signal_number);
}
