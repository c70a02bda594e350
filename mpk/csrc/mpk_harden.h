/* mpk_harden.h - takes away from the process what could undo its domains.
 *
 * A domain is closed by PKRU; foreign code that can run WRPKRU, or have the kernel
 * act for it, opens it again. Each *part* of a policy takes one such way away, for
 * the rest of the process's life. What each part stops, and which attacks still
 * succeed with all of them, is measured by tests/attacks (THREAT_MODEL.md).
 *
 * Source: [PKU Pitfalls], [Hodor], [Cerberus], [ERIM 4.2] for the code scan.
 */
#ifndef GALEED_MPK_HARDEN_H
#define GALEED_MPK_HARDEN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum mpk_harden_part {
    MPK_HARDEN_DUMP = 1 << 0,      /* not dumpable, no core, MADV_DONTDUMP */
    MPK_HARDEN_SECRETMEM = 1 << 1, /* domains backed by memfd_secret; must be asked for at start */
    MPK_HARDEN_SEAL = 1 << 2,      /* mseal of domain ranges and the published range */
    MPK_HARDEN_LANDLOCK = 1 << 3,  /* no file system: /proc above all */
    MPK_HARDEN_SYSCALLS = 1 << 4,  /* seccomp on all threads; other architectures are killed */
    MPK_HARDEN_SIGNALS = 1 << 5,   /* seccomp: no rt_sigaction, sigaltstack, rt_sigreturn any more */
    MPK_HARDEN_RSEQ = 1 << 6,      /* rseq off; must be asked for at start (re-exec with the tunable) */
    MPK_HARDEN_CODE = 1 << 7,      /* executable memory scanned, gadgets patched, text sealed */
    MPK_HARDEN_STACKS = 1 << 8,    /* gates switch stacks and scrub registers */
    MPK_HARDEN_FORK = 1 << 9,      /* domains are not inherited by fork's child */
    MPK_HARDEN_ALL = (1 << 10) - 1,
};
/* Named levels: none; basic (nothing that an ordinary program notices); strict
 * (no new code, no debugging, no files outside what is open); full (everything). */
enum mpk_harden_level { MPK_HARDEN_NONE = 0, MPK_HARDEN_BASIC, MPK_HARDEN_STRICT, MPK_HARDEN_FULL };

struct mpk_harden_policy {
    uint32_t parts;    /* enum mpk_harden_part */
    uint32_t optional; /* of those: may be missing on this kernel; the report says so */
};
struct mpk_harden_report {
    uint32_t applied;  /* in force and their effect was seen */
    uint32_t missing;  /* optional parts that could not be had */
    uint32_t failed;   /* the demanded part that made mpk_harden return an error */
    char reason[400];  /* one line on what is missing or failed, and what to do */
};

/* What a level demands (optional is 0). errors: EINVALID. */
int mpk_harden_level(enum mpk_harden_level level, struct mpk_harden_policy *out);
/* "none", "basic", "strict", "full", or parts joined by commas ("seal,code"). */
int mpk_harden_parse(const char *text, struct mpk_harden_policy *out);
const char *mpk_harden_part_name(uint32_t part);

/* Applies the policy to the process. First everything that can be refused is
 * tried or checked, then it is applied from the easiest to undo to the hardest;
 * effects are checked, not return codes. Parts in force already are left as they are.
 * Parts that had to be prepared at start (secretmem, rseq) are refused with the
 * words that say how: GALEED_HARDEN=LEVEL in the environment.
 * pre: a host thread, outside every gate. Cannot be undone.
 * errors: EHARDEN (*report says which part and why), EINVALID. */
int mpk_harden(const struct mpk_harden_policy *policy, struct mpk_harden_report *report);
uint32_t mpk_hardened(void); /* parts in force */

#ifdef __cplusplus
}
#endif
#endif
