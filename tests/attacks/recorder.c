/* recorder.c - notes the fatal signal of the process under attack, and ends it.
 *
 * Installed before the runtime, which passes on what is not its own. Ends by a raw
 * exit, without sigreturn, so that it works under policies that forbid that; where
 * a policy kills instead, the judge sees the signal itself.
 */
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "evidence.h"
#include "recorder.h"

#define SIGNAL_STACK_BYTES (64 * 1024)

static void record(int number, siginfo_t *info, void *context) {
    (void)context;
    if (!evidence->signal_number) {
        evidence->signal_number = number;
        evidence->signal_code = info->si_code;
        evidence->signal_process = (int)syscall(SYS_getpid);
        evidence->signal_address = (uintptr_t)info->si_addr;
        if (number == SIGSEGV && info->si_code == SEGV_PKUERR) evidence->signal_key = (int)info->si_pkey;
        if (number == SIGSYS) evidence->signal_syscall = info->si_syscall;
    }
    syscall(SYS_exit_group, RECORDED);
}

int recorder_install(void) {
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGSYS, SIGFPE};
    static unsigned char stack[SIGNAL_STACK_BYTES];
    stack_t own = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_sigaction = record, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    if (sigaltstack(&own, NULL)) return -1;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (sigaction(signals[i], &action, NULL)) return -1;
    return 0;
}
