/* mpk_harden.h - takes away from the process what could undo its domains.
 *
 * A domain is closed by PKRU; foreign code that can run WRPKRU, or have the kernel
 * act for it, opens it again. Each *part* of a policy takes one such way away, for
 * the rest of the process's life. What each part stops, and which attacks still
 * succeed with all of them, is measured by tests/attacks (THREAT_MODEL.md).
 *
 * Source: [PKU Pitfalls], [Hodor], [Cerberus], [ERIM] for the code scan.
 */
#ifndef GALEED_MPK_HARDEN_H
#define GALEED_MPK_HARDEN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum mpk_harden_part {
    /* Not dumpable, no core file, MADV_DONTDUMP. */
    MPK_HARDEN_DUMP = 1 << 0,
    /* Domains and published range backed by memfd_secret, out of reach of every call
     * that reads another's memory. Must be asked for at start. Each domain has
     * GALEED_HARDEN_MEMORY of it, which counts as locked (RLIMIT_MEMLOCK). It would
     * be shared with a fork's child, so this brings MPK_HARDEN_FORK with it. */
    MPK_HARDEN_SECRETMEM = 1 << 1,
    /* mseal of all domains, the published range and the start page. pku only: on
     * mprotect a gate is a change of page rights. Domains are frozen (below). */
    MPK_HARDEN_SEAL = 1 << 2,
    /* What Landlock can refuse, to every thread, with EACCES: no file, directory or device
     * is opened by name for reading, writing or listing, and none is made, removed,
     * renamed, linked, truncated or executed by name. Open descriptors stay. Not stopped,
     * since Landlock has no right for it: O_PATH (which gives no content, nor does opening
     * its descriptor again), stat, access, chdir, chmod, chown, utime, setxattr, connecting
     * to a socket by name, and opening a pipe or memfd again by /proc/self/fd. Truncation is
     * stopped from Linux 6.2 on. */
    MPK_HARDEN_LANDLOCK = 1 << 3,
    /* seccomp on all threads: no new code (PROT_EXEC, exec, memfd_create: EPERM), no
     * change of our mappings and keys, no new filters, no system calls newer than
     * Linux 6.18 (ENOSYS). Includes DEPUTY. Domains are frozen (below). */
    MPK_HARDEN_SYSCALLS = 1 << 4,
    /* seccomp: no rt_sigaction, no sigaltstack (EPERM); rt_sigreturn kills, so that a
     * signal handler can end the process but not return. pku only: on mprotect,
     * waiting threads return from the fault handler. Needs policy abort. */
    MPK_HARDEN_SIGNALS = 1 << 5,
    /* No restartable sequences. Must be asked for at start (re-exec with the tunable). */
    MPK_HARDEN_RSEQ = 1 << 6,
    /* Executable memory scanned, gadgets patched, text sealed. */
    MPK_HARDEN_CODE = 1 << 7,
    /* Foreign code is called by mpk_call only, and comes back only at its end: plain gates
     * (mpk_gate_enter, mpk_callback_enter, mpk_access_begin; so pseudo-pointers too) end the
     * process, and so does a jump into the runtime (pku). Must be asked for inside
     * mpk_host_stack, outside of plain gates on all threads; needs policy abort. pku:
     * foreign code that calls fork or ends a host thread is fatal (posix_spawn is not); its
     * violations are reported without the allocation. 16 host stacks of the
     * default size are made ready, for threads that begin once domains are frozen. With
     * FORK a child of a fork on a host stack has no stack: it dies at once. */
    MPK_HARDEN_STACKS = 1 << 8,
    /* fork's child has neither domains nor published range: it may only exec or _exit
     * (a touch of the heap ends it with one line and SIGSEGV). */
    MPK_HARDEN_FORK = 1 << 9,
    /* seccomp on all threads, what ordinary programs do not notice: ptrace,
     * process_vm_*, io_uring, userfaultfd, perf, bpf and their kin are EPERM; system
     * calls of other architectures (int 0x80, x32) kill. Refused while a descriptor
     * of that kind is open already. */
    MPK_HARDEN_DEPUTY = 1 << 10,
    MPK_HARDEN_ALL = (1 << 11) - 1,
};
/* Named levels. none. basic: nothing that an ordinary program notices (dump,
 * deputy). strict: no new code, nothing opened by name (basic and seal, landlock,
 * syscalls, code). full: everything; program and environment must be made for it. strict
 * and full want pku (seal, signals): on mprotect only "strict?" and "full?" succeed. None
 * stops root's other processes, which may attach a debugger. */
enum mpk_harden_level { MPK_HARDEN_NONE = 0, MPK_HARDEN_BASIC, MPK_HARDEN_STRICT, MPK_HARDEN_FULL };

struct mpk_harden_policy {
    uint32_t parts;    /* enum mpk_harden_part */
    uint32_t optional; /* of those: may be missing on this kernel; the report says so */
};
struct mpk_harden_report {
    uint32_t applied;  /* in force and their effect was seen */
    uint32_t missing;  /* optional parts that could not be had */
    uint32_t failed;   /* the demanded part that made mpk_harden return an error */
    char reason[2000];  /* one line on what is missing, failed or weaker, and what to do */
};

/* What a level demands (optional is 0). errors: EINVALID. */
int mpk_harden_level(enum mpk_harden_level level, struct mpk_harden_policy *out);
/* Levels and parts joined by commas: "strict", "seal,code", "basic,fork". A question
 * mark behind a word makes it optional, as far as no other word demands it: "full?" is
 * all that can be had here, "strict,secretmem?". errors: EINVALID (out is unchanged). */
int mpk_harden_parse(const char *text, struct mpk_harden_policy *out);
/* "seal" for MPK_HARDEN_SEAL; NULL for what is not exactly one part. */
const char *mpk_harden_part_name(uint32_t part);

/* Applies the policy to the process, all threads. First everything that can be refused
 * is tried or checked, then it is applied from the easiest to undo to the hardest;
 * effects are checked, not return codes. Parts in force already are left as they are.
 * Parts that had to be prepared at start (secretmem, rseq) are refused with the
 * words that say how: GALEED_HARDEN=LEVEL in the environment. In steps: once SYSCALLS
 * is in force, only LANDLOCK and SEAL can be added; CODE reads /proc, so LANDLOCK must
 * not come before it. One call has its own order: ask for everything in one.
 *
 * To freeze a domain (pku): GALEED_HARDEN_MEMORY bytes of it (default 1G, beside the
 * heap's own map; at least what it uses now) are made ready, taking memory only as they are touched. Beyond them
 * allocation fails; mpk_heap_share, mpk_domain_create, mpk_domain_destroy and virtual
 * keys' changes return errors from then on.
 *
 * pre: a host thread, outside every gate. Call it before foreign code runs: what that
 * has prepared (rings, threads, handlers) cannot all be found. Cannot be undone.
 * post: on an error, report.applied says what is in force nevertheless.
 * errors: EHARDEN (*report says which part and why), EINVALID and those of mpk_start. */
int mpk_harden(const struct mpk_harden_policy *policy, struct mpk_harden_report *report);
uint32_t mpk_hardened(void); /* parts in force */
/* 1 in the child of a fork that did not inherit the domains (MPK_HARDEN_FORK). One
 * system call; touches no memory of ours. */
int mpk_harden_orphan(void);

#ifdef __cplusplus
}
#endif
#endif
