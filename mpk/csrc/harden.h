/* harden.h - what the files of mpk_harden share with each other and with start-up.
 *
 * Terms. A *part* is one bit of enum mpk_harden_part. To *prepare* is to do at start
 * what cannot be done later. To *freeze* is to make ready all memory that a domain
 * will ever have, because afterwards nobody may change page rights any more.
 *
 * Invariant: a part is in runtime.hardened only after its effect was seen.
 */
#ifndef GALEED_MPK_HARDEN_INTERNAL_H
#define GALEED_MPK_HARDEN_INTERNAL_H

#include "internal.h"
#include "mpk_harden.h"

#ifndef SYS_mseal
#define SYS_mseal 462 /* Linux 6.10; older C library headers lack the name */
#endif

/* What one call of mpk_harden works on. On the caller's stack. */
struct hardening {
    uint32_t wanted;                  /* still to be applied */
    uint32_t in_force;                /* before the call and by it so far */
    struct mpk_harden_report *report;
    int task_directory;               /* /proc/self/task, or -1: opened before files are closed off */
};

/* Writes "part: ..." into the report and returns MPK_EHARDEN. */
int _mpk_harden_refuse(struct hardening *h, uint32_t part, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Adds a remark to the report's line: what is weaker than the words say. */
void _mpk_harden_remark(struct hardening *h, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Ranges that only the runtime may map, unmap or advise: the host's and the
 * published range (there or not), every other domain, the started page. */
struct harden_range { uintptr_t base; size_t bytes; };
#define HARDEN_RANGES (MPK_MAX_DOMAINS + 2)
size_t _mpk_harden_ranges(struct harden_range out[HARDEN_RANGES]);
/* Those of them that are mapped: calls step until it returns non-zero. */
int _mpk_harden_each_mapped(int (*step)(uintptr_t base, size_t bytes, void *), void *argument);

/* One pair for each mechanism. check: pre: nothing is changed yet; changes nothing. */
int _mpk_harden_dump_apply(struct hardening *h);
int _mpk_harden_fork_apply(struct hardening *h);
int _mpk_harden_seal_check(struct hardening *h);
int _mpk_harden_freeze(struct hardening *h, uint32_t part);
int _mpk_harden_seal_apply(struct hardening *h);
int _mpk_harden_landlock_check(struct hardening *h);
int _mpk_harden_landlock_apply(struct hardening *h);
int _mpk_harden_signals_check(struct hardening *h);
int _mpk_harden_signals_prepare(struct hardening *h);
int _mpk_harden_stacks_check(struct hardening *h);
int _mpk_harden_stacks_apply(struct hardening *h);
int _mpk_harden_rseq_check(struct hardening *h);
int _mpk_harden_audit(struct hardening *h);

/* harden_filter.c: one seccomp filter for all parts in the mask, on every thread. */
#define HARDEN_FILTERED (MPK_HARDEN_DEPUTY | MPK_HARDEN_SYSCALLS | MPK_HARDEN_SIGNALS | MPK_HARDEN_RSEQ)
int _mpk_harden_filter_check(struct hardening *h, uint32_t part);
int _mpk_harden_filter_apply(struct hardening *h, uint32_t parts);
/* harden_verify.c: calls what a part refuses, and sees it refused. */
int _mpk_harden_verify(struct hardening *h, uint32_t parts);
/* Runs body in a child that shares nothing (no handlers, no SIGCHLD); its wait
 * status, or -1. */
int _mpk_harden_in_child(void (*body)(void));

/* In fork's child handlers: is the memory gone? Then nothing of ours may be touched. */
bool _mpk_harden_forked(void);
/* The same handlers: nobody hardens in the child. */
void _mpk_harden_fork_child(void);

/* harden_secret.c. Puts fresh secret memory over a reservation; 0 or errno. */
int _mpk_secret_map(uintptr_t address, size_t bytes, int prot);
/* Puts the published range there, if there is room for the host domain too; 0 or errno.
 * pre: runtime.harden_bytes; else nothing is in the range yet. */
int _mpk_secret_prepare(void);
/* Of a domain that reserves so many: GALEED_HARDEN_MEMORY, and the heap's own map. */
size_t _mpk_harden_domain_bytes(size_t reserved);
int _mpk_secret_explain(int why); /* start-up: EHARDEN, explained */
int _mpk_harden_secret_check(struct hardening *h);

/* harden_threads.c: what may be done on each thread, inside a signal handler. */
enum harden_job { HARDEN_PING = 1, HARDEN_LANDLOCK, HARDEN_SIGNAL_STACK };
/* post: every thread of the process has done it, also those made meanwhile.
 * errors: EHARDEN with the thread in the report. pre: h->task_directory. */
int _mpk_harden_each_thread(struct hardening *h, uint32_t part, enum harden_job job);
/* harden_stack.c: keeps the first thread's bounds for its first gate. */
bool _mpk_harden_note_main_stack(void);
/* The same without opening anything; for the first thread's first gate. */
void _mpk_harden_guess_main_stack(void);
int _mpk_harden_landlock_thread(int ruleset);          /* 0 or errno */
int _mpk_harden_signals_thread(void *context);         /* 0 or errno; context may be NULL */

#endif
