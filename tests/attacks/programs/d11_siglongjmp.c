/* D11: siglongjmp out of a signal handler keeps the PKRU that the handler had: the
 * kernel's initial one, or what the handler was given since.
 *
 * out-of-handler: the attacker's handler interrupts the host at work and jumps into the
 * attacker's code. host-handler: a handler of the host's interrupts foreign code, opens
 * the domain for its work, and gives foreign code up by a jump to where that waits for
 * it (how libraries are given a time limit). host-handler-restores: the same through a wrapper
 * that saves the rights which the handler found, and restores them before the jump.
 *
 * Source: [pkeys(7)] on PKRU in handlers; siglongjmp(3) restores no PKRU.
 */
#include <setjmp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>
#include "attack.h"
#include "mpk.h"
#include "naive.h"

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

static volatile unsigned char used; /* the host's work in its handler */

static int open_for_the_host(void) {
    if (!target.undefended) return mpk_access_begin();
    naive_exit();
    return 1;
}

static void restore(int was_foreign) {
    if (!target.undefended) mpk_access_end(was_foreign);
    else naive_enter();
}

static void host_gives_up(int number) {
    (void)number;
    (void)open_for_the_host();
    used = target.secret[0];
    siglongjmp(back, 1);
}

static void host_restores_and_gives_up(int number) {
    (void)number;
    int was_foreign = open_for_the_host();
    used = target.secret[0];
    restore(was_foreign);
    siglongjmp(back, 1);
}

static void install(void) { (void)signal(SIGALRM, host_gives_up); }
static void install_wrapper(void) { (void)signal(SIGALRM, host_restores_and_gives_up); }

static void too_slow(void) {
    if (!sigsetjmp(back, 1)) TRY("raise", raise(SIGALRM) ? -1 : 0);
    attack_read();
}

const struct attack attacks[] = {
    {.variant = "out-of-handler", .attack = out_of_the_handler, .again = end, .flags = ATTACK_HOST_WORKS | ATTACK_HOST_WAITS},
    {.variant = "host-handler", .while_open = install, .attack = too_slow},
    {.variant = "host-handler-restores", .while_open = install_wrapper, .attack = too_slow, .flags = ATTACK_CONTROL},
    {0},
};
