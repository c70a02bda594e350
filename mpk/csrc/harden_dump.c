/* harden_dump.c - parts DUMP and FORK: no image of the domains outside this process.
 *
 * DUMP: not dumpable means no core file, and /proc/PID files that belong to root, so
 * that without privileges nobody opens /proc/PID/mem or attaches. Whether a system
 * call filter from outside fakes prctl is seen by setting both values in turn.
 *
 * FORK: domains and published range are left out of a child's address space. The
 * child's C library, stack and statics are whole, so that it can exec. Whether memory
 * is there is asked of the kernel (msync), because nothing of ours can say it then.
 *
 * Attacker: could undo both by prctl and madvise; part SYSCALLS is about that.
 *
 * Source: prctl(2), madvise(2), core(5).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "call.h"
#include "harden.h"
#include "record.h"
#include "stacks.h"

static int advise(uintptr_t base, size_t bytes, void *advice) {
    return madvise((void *)base, bytes, *(int *)advice) ? MPK_EKERNEL : 0;
}

static bool set_dumpable(int value) {
    return prctl(PR_SET_DUMPABLE, value, 0, 0, 0) == 0 && prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == value;
}

int _mpk_harden_dump_apply(struct hardening *h) {
    struct rlimit limit = {0, 0}, found = {1, 1};
    int advice = MADV_DONTDUMP;
    if (!set_dumpable(0) || !set_dumpable(1) || !set_dumpable(0))
        return _mpk_harden_refuse(h, MPK_HARDEN_DUMP, "prctl(PR_SET_DUMPABLE) has no effect here (a system call "
                                  "filter that was installed earlier?)");
    if (setrlimit(RLIMIT_CORE, &limit) || getrlimit(RLIMIT_CORE, &found) || found.rlim_cur || found.rlim_max)
        return _mpk_harden_refuse(h, MPK_HARDEN_DUMP, "the core file limit cannot be set to 0 (errno %d)", errno);
    if (_mpk_harden_each_mapped(advise, &advice))
        return _mpk_harden_refuse(h, MPK_HARDEN_DUMP, "madvise(MADV_DONTDUMP) failed (errno %d)", errno);
    return 0;
}

struct trial { void (*body)(void); int status; };

/* The body is copied: in the child the caller's stack may be gone. */
static void fork_and_wait(void *argument) {
    struct trial *trial = argument;
    void (*volatile body)(void) = trial->body;
    int status, exit_signal = 0; /* no SIGCHLD: the program's handlers do not hear of it */
    long child = syscall(SYS_clone, (long)exit_signal, 0L, NULL, NULL, 0L);
    if (child == 0) {
        body();
        _exit(0);
    }
    while (child > 0 && waitpid((pid_t)child, &status, __WALL) != child)
        if (errno != EINTR) return;
    if (child > 0) trial->status = status;
}

/* A host stack is in the domain, and part FORK takes it from the child: so not there. */
int _mpk_harden_in_child(void (*body)(void)) {
    struct trial trial = {body, -1};
    struct thread_record *record = _mpk_thread();
    if (record->host_high) _mpk_stack_switch(_mpk_stacks_foreign_top(record), fork_and_wait, &trial);
    else fork_and_wait(&trial);
    return trial.status;
}

int mpk_harden_orphan(void) {
    int saved_errno = errno;
    bool gone = syscall(SYS_msync, MPK_PUBLISHED_BASE, (long)MPK_PAGE_BYTES, (long)MS_ASYNC) != 0 && errno == ENOMEM;
    errno = saved_errno;
    return gone && _mpk_started.started;
}

/* What a child finds of one domain decides for all: they were advised alike. */
static void exit_1_if_inherited(void) {
    if (!mpk_harden_orphan()) _exit(1);
}

int _mpk_harden_fork_apply(struct hardening *h) {
    int advice = MADV_DONTFORK;
    if (_mpk_harden_each_mapped(advise, &advice))
        return _mpk_harden_refuse(h, MPK_HARDEN_FORK, "madvise(MADV_DONTFORK) failed (errno %d)", errno);
    int status = _mpk_harden_in_child(exit_1_if_inherited);
    if (status == 0) return 0;
    return _mpk_harden_refuse(h, MPK_HARDEN_FORK, "a trial child %s",
                              status == -1 ? "could not be made" : "had the domains all the same");
}

static void explain_and_die(int signal_number) {
    static const char line[] = "galeed: this is the child of a fork in a process hardened by fork: it has no domains, "
                               "and may only exec or _exit\n";
    (void)!write(STDERR_FILENO, line, sizeof line - 1);
    signal(signal_number, SIG_DFL);
}

bool _mpk_harden_forked(void) {
    if (!mpk_harden_orphan()) return false;
    struct sigaction action = {.sa_handler = explain_and_die, .sa_flags = SA_ONSTACK};
    sigaction(SIGSEGV, &action, NULL); /* refused under signals: it dies without the line */
    return true;
}
