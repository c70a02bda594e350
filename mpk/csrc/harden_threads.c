/* harden_threads.c - has every thread of the process do what only it can do for
 * itself, in the handler of a real-time signal that nobody else uses.
 *
 * Invariant: when this is done, no thread is inside that handler any more; what comes
 * next may take the return from handlers away. The kernel's word counts for it (the
 * thread's mask of blocked signals), since a thread cannot say itself that it has
 * returned.
 *
 * The job's name lies in the published range, which foreign code cannot write. The
 * answer comes through ordinary memory: the handler must be able to write it from a
 * thread that is in foreign code just then (harden.c's ASSUMES covers who runs there).
 *
 * Threads that are made meanwhile are found by reading the directory again until it
 * holds nobody new; what a thread that has done its job creates has it done too. The
 * calling thread does its job last: Landlock's takes away what the others are asked by.
 *
 * A blocking system call that is not restarted (nanosleep, epoll_wait) ends with EINTR
 * on such a thread, as by any signal.
 *
 * Source: signal(7), credentials in nptl(7) for the idea.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "harden.h"
#include "record.h"
#include "task_status.h"

#define THREADS_MAX MPK_THREADS
#define POLL_NS 50000
#define PATIENCE_POLLS 40000 /* two seconds for one thread to take its signal */
#define UNANSWERED (-1)
#define NOT_BACK (-2)
/* Blocked in the handler beside its own signal: the kernel's first real-time signal, which
 * C libraries keep for themselves and let no program block. A thread whose own mask blocks ours (it waits in sigsuspend,
 * ppoll and their kin, which open it) is known to be back by this one. */
#define MARKER 32
#define BIT_OF(number) (UINT64_C(1) << ((number) - 1))

static _Atomic int32_t answered_by; /* ordinary memory; see above */
static _Atomic int32_t answer;

static int do_job(enum harden_job job, void *context) {
    switch (job) {
    case HARDEN_PING: return 0;
    case HARDEN_LANDLOCK: return _mpk_harden_landlock_thread(MPK_RUNTIME->harden_ruleset);
    case HARDEN_SIGNAL_STACK: return _mpk_harden_signals_thread(context);
    }
    return EINVAL;
}

static void on_job(int signal_number, siginfo_t *info, void *context) {
    int saved_errno = errno;
    (void)signal_number;
    if (info->si_code == SI_TKILL && info->si_pid == getpid()) {
        int result = do_job((enum harden_job)atomic_load(&MPK_RUNTIME->harden_job), context);
        atomic_store(&answer, result);
        atomic_store(&answered_by, _mpk_thread_id());
    }
    errno = saved_errno;
}

/* A signal that the program leaves alone, from the top; 0: there is none. Its handler is
 * interrupted by faults only, so that no other handler's return is in doubt with it. */
static int take_signal(struct sigaction *old) {
    struct sigaction ours;
    uint64_t mask = ~(BIT_OF(SIGSEGV) | BIT_OF(SIGBUS) | BIT_OF(SIGILL) | BIT_OF(SIGFPE) | BIT_OF(SIGTRAP) |
                      BIT_OF(SIGABRT));
    _Static_assert(sizeof mask <= sizeof ours.sa_mask, "the kernel's part of a mask");
    memset(&ours, 0, sizeof ours);
    memcpy(&ours.sa_mask, &mask, sizeof mask); /* sigaddset refuses the marker */
    ours.sa_sigaction = on_job;
    ours.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
    for (int number = SIGRTMAX; number >= SIGRTMIN; number--) {
        if (sigaction(number, NULL, old) || old->sa_handler != SIG_DFL) continue;
        return sigaction(number, &ours, NULL) ? 0 : number;
    }
    return 0;
}

/* 0, ESRCH, or NOT_BACK: the handler runs still, or cannot be told from what the thread
 * blocks by itself. */
static int await_return(const struct hardening *h, int32_t thread, int signal_number) {
    const struct timespec pause = {0, POLL_NS};
    const uint64_t inside = BIT_OF(signal_number) | BIT_OF(MARKER);
    for (int polls = 0; polls < PATIENCE_POLLS; polls++) {
        struct task_status status = _mpk_task_status(h->task_directory, thread);
        if (status.gone) return ESRCH;
        if (!status.known) return NOT_BACK;
        if ((status.blocked & inside) != inside) return 0;
        nanosleep(&pause, NULL);
    }
    return NOT_BACK;
}

/* 0, the job's errno, ESRCH (it is gone), UNANSWERED, or NOT_BACK. */
static int ask(const struct hardening *h, int32_t thread, int signal_number) {
    const struct timespec pause = {0, POLL_NS};
    atomic_store(&answered_by, 0);
    if (syscall(SYS_tgkill, getpid(), thread, signal_number)) return errno;
    for (int polls = 0; polls < PATIENCE_POLLS; polls++) {
        if (atomic_load(&answered_by) == thread) {
            int result = atomic_load(&answer), back = await_return(h, thread, signal_number);
            return back ? back : result;
        }
        if (syscall(SYS_tgkill, getpid(), thread, 0) && errno == ESRCH) return ESRCH;
        nanosleep(&pause, NULL);
    }
    return _mpk_task_status(h->task_directory, thread).gone ? ESRCH : UNANSWERED;
}

static bool is_among(const int32_t *threads, int count, int32_t thread) {
    for (int i = 0; i < count; i++)
        if (threads[i] == thread) return true;
    return false;
}

/* The first thread that is not among the done, 0 when there is none, -1 on an error. */
static int32_t next_thread(int directory, const int32_t *done, int count) {
    struct { uint64_t inode; int64_t offset; uint16_t bytes; uint8_t type; char name[]; } *entry;
    _Alignas(8) char buffer[4096];
    if (lseek(directory, 0, SEEK_SET) < 0) return -1;
    for (;;) {
        long bytes = syscall(SYS_getdents64, directory, buffer, sizeof buffer);
        if (bytes <= 0) return bytes < 0 ? -1 : 0;
        for (long at = 0; at < bytes; at += entry->bytes) {
            entry = (void *)(buffer + at);
            int32_t thread = (int32_t)strtol(entry->name, NULL, 10);
            if (thread > 0 && !is_among(done, count, thread)) return thread;
        }
    }
}

static int refuse_for(struct hardening *h, uint32_t part, int32_t thread, int why, int signal_number) {
    switch (why) {
    case UNANSWERED:
        return _mpk_harden_refuse(h, part, "thread %d does not take its signal (%s); harden before it starts, or "
                                  "unblock real-time signals there", thread, strsignal(signal_number));
    case NOT_BACK:
        return _mpk_harden_refuse(h, part, "thread %d took its signal (%s) and is not seen to come back from it; harden "
                                  "before it starts", thread, strsignal(signal_number));
    case EPROTO:
        return _mpk_harden_refuse(h, part, "thread %d: the kernel reports success, and nothing has changed (a system "
                                  "call filter that was installed earlier?)", thread);
    default: return _mpk_harden_refuse(h, part, "thread %d: %s", thread, strerror(why));
    }
}

static int each(struct hardening *h, uint32_t part, int signal_number, int32_t *done) {
    int count = 0;
    int32_t thread, me = _mpk_thread_id();
    done[count++] = me;
    while ((thread = next_thread(h->task_directory, done, count)) > 0) {
        if (count == THREADS_MAX) return _mpk_harden_refuse(h, part, "there are more than %d threads", THREADS_MAX);
        int why = ask(h, thread, signal_number);
        if (why && why != ESRCH) return refuse_for(h, part, thread, why, signal_number);
        done[count++] = thread;
    }
    if (thread < 0) return _mpk_harden_refuse(h, part, "/proc/self/task cannot be read (%s)", strerror(errno));
    int why = do_job((enum harden_job)MPK_RUNTIME->harden_job, NULL);
    return why ? refuse_for(h, part, me, why, signal_number) : 0;
}

int _mpk_harden_each_thread(struct hardening *h, uint32_t part, enum harden_job job) {
    int32_t done[THREADS_MAX];
    struct sigaction old;
    int error = mpk_faults_install(); /* a handler starts with every key closed */
    if (error) return _mpk_harden_refuse(h, part, "the fault handler cannot be installed: %s", mpk_strerror(error));
    int signal_number = take_signal(&old);
    if (!signal_number) return _mpk_harden_refuse(h, part, "no real-time signal is free to reach other threads by");
    atomic_store(&MPK_RUNTIME->harden_job, (uint32_t)job);
    error = each(h, part, signal_number, done);
    /* One that a thread still blocks would end the process later: ignoring drops it. */
    signal(signal_number, SIG_IGN);
    sigaction(signal_number, &old, NULL);
    return error;
}
