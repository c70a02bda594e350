/* harden_rules.c - the table of refused system calls, row by row of what it is for.
 *
 * Why calls are listed that are refused, and not those that are allowed: what can
 * change page rights, keys, code or another thread's registers is a short list that
 * the kernel's authors keep in the open; what a Rust program with its C libraries
 * calls is a long one that changes with every C library. The one danger of the short list,
 * calls that are newer than it, is met by refusing every number above the last one known.
 *
 * Invariant: whatever is refused here either never happens in the runtime itself once
 * a filter is in place, or is excepted by a condition.
 *
 * Attacker: makes any system call with any arguments, from any thread. Pointers to
 * structs cannot be looked through, so a call whose struct matters (clone3) is refused
 * whole; the C library then falls back.
 *
 * Source: [PKU Pitfalls], [Jenny], [Cerberus]; letters are rows of tests/attacks.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include "harden.h"
#include "harden_rules.h"

#define D (MPK_HARDEN_DEPUTY | MPK_HARDEN_SYSCALLS) /* the latter includes the former */
#define S MPK_HARDEN_SYSCALLS
#define ALWAYS(parts, call) {parts, SYS_##call, RULE_ALWAYS, 0, 0, RULE_EPERM, 0}
#define REFUSE(parts, call, test, argument, value) {parts, SYS_##call, test, argument, value, RULE_EPERM, 0}
#define ALLOW(parts, call, argument, value) {parts, SYS_##call, RULE_EQUAL, argument, value, RULE_ALLOW, 0}

#define PR_SET_SYSCALL_USER_DISPATCH_ 59 /* Linux 5.11 */
#define PR_SET_VMA_ 0x53564d41           /* Linux 5.17; names mappings */
#define PERSONALITY_QUERY 0xffffffff
#define ARCH_GET_FS_ 0x1003
#define ARCH_GET_GS_ 0x1004
#define ARCH_GET_XCOMP_SUPP_ 0x1021
#define ARCH_GET_XCOMP_PERM_ 0x1022
#define ARCH_REQ_XCOMP_PERM_ 0x1023      /* tile registers */
#define CLONE_NAMESPACES                                                                            \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#define SYS_open_tree_ 428
#define SYS_move_mount_ 429
#define SYS_fsopen_ 430
#define SYS_fsconfig_ 431
#define SYS_fsmount_ 432
#define SYS_fspick_ 433
#define SYS_mount_setattr_ 442
#define SYS_memfd_secret_ 447
#define SYS_process_mrelease_ 448
#define SYS_open_tree_attr_ 467

const struct rule _mpk_harden_rules[] = {
    /* B3, B4: another process, or ourselves as one. */
    ALWAYS(D, ptrace), ALWAYS(D, process_vm_readv), ALWAYS(D, process_vm_writev),
    ALWAYS(D, process_madvise), ALWAYS(D, pidfd_getfd), ALWAYS(S, process_mrelease_), ALWAYS(S, kcmp),
    /* B5 to B9, B12: helpers that work with rights of their own. */
    ALWAYS(D, io_uring_setup), ALWAYS(D, io_uring_enter), ALWAYS(D, io_uring_register),
    ALWAYS(D, userfaultfd), ALWAYS(D, perf_event_open), ALWAYS(D, bpf), ALWAYS(S, vmsplice),
    /* D7, A6: segments, and what makes all readable memory executable. A program that is
     * executed sets its FS base itself, so that only exec and arch_prctl go together. */
    ALWAYS(D, modify_ldt), ALWAYS(D, iopl), ALWAYS(D, ioperm),
    ALLOW(D, personality, 0, PERSONALITY_QUERY), ALWAYS(D, personality),
    ALLOW(S, arch_prctl, 0, ARCH_GET_FS_), ALLOW(S, arch_prctl, 0, ARCH_GET_GS_),
    ALLOW(S, arch_prctl, 0, ARCH_GET_XCOMP_SUPP_), ALLOW(S, arch_prctl, 0, ARCH_GET_XCOMP_PERM_),
    ALLOW(S, arch_prctl, 0, ARCH_REQ_XCOMP_PERM_), ALWAYS(S, arch_prctl),
    /* The kernel's own code, for those who may change it. */
    ALWAYS(D, init_module), ALWAYS(D, finit_module), ALWAYS(D, delete_module),
    ALWAYS(D, kexec_load), ALWAYS(D, kexec_file_load),

    /* prctl: undoing DUMP, moving the process's own marks, handing system calls to
     * user code. Under SYSCALLS only what is harmless, so D8: no filters either. */
    REFUSE(D, prctl, RULE_EQUAL, 0, PR_SET_DUMPABLE), REFUSE(D, prctl, RULE_EQUAL, 0, PR_SET_MM),
    REFUSE(D, prctl, RULE_EQUAL, 0, PR_SET_PTRACER), REFUSE(D, prctl, RULE_EQUAL, 0, PR_SET_SYSCALL_USER_DISPATCH_),
    ALLOW(S, prctl, 0, PR_SET_NAME), ALLOW(S, prctl, 0, PR_GET_NAME), ALLOW(S, prctl, 0, PR_GET_DUMPABLE),
    ALLOW(S, prctl, 0, PR_GET_SECCOMP), ALLOW(S, prctl, 0, PR_SET_NO_NEW_PRIVS),
    ALLOW(S, prctl, 0, PR_GET_NO_NEW_PRIVS), ALLOW(S, prctl, 0, PR_SET_PDEATHSIG),
    ALLOW(S, prctl, 0, PR_GET_PDEATHSIG), ALLOW(S, prctl, 0, PR_CAPBSET_READ),
    ALLOW(S, prctl, 0, PR_SET_TIMERSLACK), ALLOW(S, prctl, 0, PR_GET_TIMERSLACK), ALLOW(S, prctl, 0, PR_SET_VMA_),
    ALWAYS(S, prctl), ALWAYS(S, seccomp),

    /* A6, A7: new code. Old text is CODE's business. */
    REFUSE(S, mmap, RULE_ANY_OF, 2, PROT_EXEC), REFUSE(S, mprotect, RULE_ANY_OF, 2, PROT_EXEC),
    REFUSE(S, shmat, RULE_ANY_OF, 2, SHM_EXEC | SHM_REMAP), ALWAYS(S, memfd_create), ALWAYS(S, memfd_secret_),
    ALWAYS(S, execve), ALWAYS(S, execveat), ALWAYS(S, uselib),

    /* C1 to C7: keys and mappings. A hint of mmap near us is refused like an order. */
    ALWAYS(S, pkey_mprotect), ALWAYS(S, pkey_alloc), ALWAYS(S, pkey_free),
    {S, SYS_mprotect, RULE_OURS, 0, 1, RULE_EPERM, RULE_PKU_ONLY},
    REFUSE(S, mmap, RULE_OURS, 0, 1), REFUSE(S, munmap, RULE_OURS, 0, 1),
    REFUSE(S, mremap, RULE_ANY_OF, 3, MREMAP_FIXED | MREMAP_DONTUNMAP), REFUSE(S, mremap, RULE_NULL, 1, 0),
    REFUSE(S, mremap, RULE_OURS, 0, 1), ALWAYS(S, remap_file_pages),
    {S, SYS_madvise, RULE_EQUAL, 2, MADV_DONTNEED, RULE_ALLOW, RULE_SEALED_ONLY},
    REFUSE(S, madvise, RULE_OURS, 0, 1),

    /* Processes that share our memory without being threads; new roots and users. */
    {S, SYS_clone3, RULE_ALWAYS, 0, 0, RULE_ENOSYS, 0},
    REFUSE(S, clone, RULE_ANY_OF, 0, CLONE_NAMESPACES | CLONE_PTRACE),
    ALWAYS(S, unshare), ALWAYS(S, setns),
    ALWAYS(S, mount), ALWAYS(S, umount2), ALWAYS(S, pivot_root), ALWAYS(S, chroot), ALWAYS(S, open_by_handle_at),
    ALWAYS(S, open_tree_), ALWAYS(S, move_mount_), ALWAYS(S, fsopen_), ALWAYS(S, fsconfig_), ALWAYS(S, fsmount_),
    ALWAYS(S, fspick_), ALWAYS(S, mount_setattr_), ALWAYS(S, open_tree_attr_),

    /* D1: a thread's own registration. */
    ALWAYS(MPK_HARDEN_RSEQ, rseq),
    /* A3, A4, B10, D2. Questions stay allowed. */
    REFUSE(MPK_HARDEN_SIGNALS, rt_sigaction, RULE_NOT_NULL, 1, 0),
    REFUSE(MPK_HARDEN_SIGNALS, sigaltstack, RULE_NOT_NULL, 0, 0),
    {MPK_HARDEN_SIGNALS, SYS_rt_sigreturn, RULE_ALWAYS, 0, 0, RULE_KILL, 0},
};
const size_t _mpk_harden_rule_count = sizeof _mpk_harden_rules / sizeof *_mpk_harden_rules;
