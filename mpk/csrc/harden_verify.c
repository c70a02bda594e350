/* harden_verify.c - makes calls that a filter must refuse, and sees how they end.
 *
 * Invariant: each trial fails *without* a filter too, with another error, so that it
 * does no harm and still tells; a filter from outside that fakes success, or one that
 * was never installed, shows.
 *
 * What the kernel must kill is tried in a child.
 *
 * Source: row D8 of tests/attacks.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "harden.h"

#define ODD 1L /* no page's address: the kernel says EINVAL to it */
#define OURS ((long)MPK_PUBLISHED_BASE + ODD)
#define HOST ((long)MPK_HOST_BASE + ODD)
#define PAGE ((long)MPK_PAGE_BYTES)
#define NONSENSE 0x7fffffffL
#define D MPK_HARDEN_DEPUTY
#define S MPK_HARDEN_SYSCALLS
#define X32_GETPID (0x40000000L + SYS_getpid)

struct trial {
    uint32_t part;
    int expected;      /* errno; undefended it is another one */
    const char *name;
    long call, arguments[5];
};

static const struct sigaction any_action;
static const struct { void *low; int flags; size_t bytes; } odd_stack = {NULL, (int)NONSENSE, 0};

static const struct trial trials[] = {
    {D, EPERM, "ptrace", SYS_ptrace, {PTRACE_PEEKUSER, NONSENSE}},
    {D, EPERM, "process_vm_readv", SYS_process_vm_readv, {NONSENSE, 0, 0, 0, 0}},
    {D, EPERM, "process_vm_writev", SYS_process_vm_writev, {NONSENSE, 0, 0, 0, 0}},
    {D, EPERM, "io_uring_setup", SYS_io_uring_setup, {0, 0}},
    {D, EPERM, "perf_event_open", SYS_perf_event_open, {0, 0, -1, -1, NONSENSE}},
    {D, EPERM, "modify_ldt", SYS_modify_ldt, {NONSENSE}},
    {S, EPERM, "arch_prctl", SYS_arch_prctl, {NONSENSE}},
    {D, EPERM, "prctl(PR_SET_DUMPABLE)", SYS_prctl, {PR_SET_DUMPABLE, NONSENSE}},
    {S, EPERM, "mmap(PROT_EXEC)", SYS_mmap, {0, 0, PROT_EXEC, 0, -1}},
    {S, EPERM, "mprotect(PROT_EXEC)", SYS_mprotect, {ODD, PAGE, PROT_EXEC}},
    {S, EPERM, "mmap of the published range", SYS_mmap, {OURS, PAGE, PROT_READ, MAP_FIXED, -1}},
    {S, EPERM, "mmap across the host domain's start", SYS_mmap, {HOST - PAGE, PAGE, PROT_READ, MAP_FIXED, -1}},
    {S, EPERM, "munmap of the published range", SYS_munmap, {OURS, PAGE}},
    {S, EPERM, "mremap of the published range", SYS_mremap, {OURS, PAGE, PAGE, 0}},
    {S, EPERM, "mremap(MREMAP_FIXED)", SYS_mremap, {ODD, PAGE, PAGE, MREMAP_FIXED, ODD}},
    {S, EPERM, "madvise of the published range", SYS_madvise, {OURS, PAGE, MADV_DODUMP}},
    {S, EPERM, "remap_file_pages", SYS_remap_file_pages, {0, 0, 1, 0, 0}},
    {S, EPERM, "shmat(SHM_REMAP)", SYS_shmat, {-1, 0, SHM_REMAP}},
    {S, EPERM, "pkey_alloc", SYS_pkey_alloc, {NONSENSE}},
    {S, EPERM, "pkey_free", SYS_pkey_free, {NONSENSE}},
    {S, EPERM, "pkey_mprotect", SYS_pkey_mprotect, {ODD, PAGE, PROT_READ, NONSENSE}},
    {S, EPERM, "memfd_create", SYS_memfd_create, {0, NONSENSE}},
    {S, EPERM, "execve", SYS_execve, {0, 0, 0}},
    {S, EPERM, "seccomp", SYS_seccomp, {NONSENSE}},
    {S, EPERM, "prctl", SYS_prctl, {NONSENSE}},
    {S, ENOSYS, "clone3", SYS_clone3, {0, 0}},
    {MPK_HARDEN_RSEQ, EPERM, "rseq", SYS_rseq, {0, 0, NONSENSE, 0}},
    {MPK_HARDEN_SIGNALS, EPERM, "rt_sigaction", SYS_rt_sigaction, {0, (long)&any_action, 0, 8}},
    {MPK_HARDEN_SIGNALS, EPERM, "sigaltstack", SYS_sigaltstack, {(long)&odd_stack, 0}},
};

static int try_one(struct hardening *h, const struct trial *trial) {
    const long *a = trial->arguments;
    errno = 0;
    long result = syscall(trial->call, a[0], a[1], a[2], a[3], a[4], 0L);
    if (result == -1 && errno == trial->expected) return 0;
    return _mpk_harden_refuse(h, trial->part, "%s is not refused as it should be (%s): the filter has no effect, by "
                              "another filter that was installed earlier?", trial->name,
                              result == -1 ? strerror(errno) : "it succeeds");
}

static void call_by_int80(void) {
    long number = 20; /* getpid there */
    __asm__ volatile("int $0x80" : "+a"(number) : : "memory", "r8", "r9", "r10", "r11");
}
static void call_x32(void) { syscall(X32_GETPID); }
static void return_from_no_signal(void) { syscall(SYS_rt_sigreturn); }

/* A kernel without 32-bit calls answers int 0x80 with SIGSEGV, which is as good. */
static int expect_death(struct hardening *h, uint32_t part, const char *name, void (*body)(void), int other_signal) {
    int status = _mpk_harden_in_child(body);
    if (status != -1 && WIFSIGNALED(status) && (WTERMSIG(status) == SIGSYS || WTERMSIG(status) == other_signal)) return 0;
    return _mpk_harden_refuse(h, part, "%s did not end a trial child as it should (wait status 0x%x)", name, (unsigned)status);
}

int _mpk_harden_verify(struct hardening *h, uint32_t parts) {
    int error = 0;
    for (size_t i = 0; i < sizeof trials / sizeof *trials && !error; i++)
        if (trials[i].part & parts) error = try_one(h, &trials[i]);
    uint32_t any = parts & -parts;
    if (!error) error = expect_death(h, any, "int 0x80", call_by_int80, SIGSEGV);
    if (!error) error = expect_death(h, any, "an x32 system call", call_x32, SIGSYS);
    if (!error && (parts & MPK_HARDEN_SIGNALS))
        error = expect_death(h, MPK_HARDEN_SIGNALS, "rt_sigreturn", return_from_no_signal, SIGSYS);
    return error;
}
