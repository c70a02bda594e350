/* internal.h - what the files of the runtime share with each other only.
 *
 * Where state lives is the security argument:
 *  - struct runtime and struct thread_record: in the published range. Foreign
 *    code can read them, so gates may trust them before rights are back.
 *  - heap metadata: inside the domain that it describes. Foreign code cannot
 *    even read it (GALEED_FOREIGN_RIGHTS=none).
 *  - nothing that decides about rights lives in .data, .bss or thread-local
 *    storage, which foreign code can write. A thread is known by its FS base,
 *    read from the register (RDFSBASE), never from memory.
 */
#ifndef GALEED_MPK_INTERNAL_H
#define GALEED_MPK_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include "mpk.h"

#define MPK_MAX_DOMAINS 14 /* hardware keys but 0 and the published one */

struct gate_frame {
    uintptr_t token;       /* address in the frame of the gate; frames grow down */
    uint32_t saved_pkru;   /* pku: what the thread had outside */
    uint32_t foreign;      /* 1: this frame entered foreign code, 0: a callback left it */
    const char *function;
};

struct try_frame;          /* try.c: saved registers of an mpk_try */

/* One per live thread, found by FS base through a hash in the published range. */
struct thread_record {
    _Atomic uintptr_t fs_base;  /* 0: free */
    uint32_t slot;              /* 0 .. MPK_THREADS-1, index of per-thread caches */
    int32_t thread_id;
    uintptr_t stack_high;       /* one past the thread's stack; 0 until the first gate */
    uint32_t depth;             /* frames in use */
    uint32_t accessing;         /* inside mpk_access_begin: the runtime itself works */
    struct try_frame *innermost_try;
    struct mpk_violation last_violation;
    uint32_t has_violation;
    struct gate_frame frames[MPK_GATE_DEPTH];
};

struct runtime {
    _Atomic uint32_t started;
    enum mpk_backend backend;
    enum mpk_rights foreign_rights;
    _Atomic uint32_t policy;
    int published_key;             /* pku only */
    int report_fd;                 /* GALEED_REPORT, opened at start; -1 none */
    uint32_t guarded_mask;         /* pku: PKRU bits of every key of ours */
    uint32_t foreign_bits;         /* pku: what those bits are in foreign code */
    _Atomic uintptr_t runner;      /* mprotect: FS base of the one foreign thread; 0 none */
    mpk_domain *host;
    mpk_domain *domains[MPK_MAX_DOMAINS];
    void (*violation_hook)(struct mpk_violation *);
    char reason[160];
};
#define MPK_RUNTIME ((struct runtime *)MPK_PUBLISHED_BASE)

struct heap;               /* heap.c */
struct mpk_domain {        /* at the start of the domain's own range */
    uintptr_t base;
    size_t bytes;          /* reserved */
    size_t committed;      /* readable and writable from base, tagged */
    int key;               /* 0 on mprotect */
    uint32_t index;        /* in runtime.domains */
    enum mpk_rights rights; /* mprotect: what the process has now */
    struct heap *heap;
    struct mpk_heap_hooks hooks;
};

/* thread.c: the calling thread's record, created on demand; never NULL after
 * mpk_start (fatal when MPK_THREADS are alive). pre: published range writable. */
struct thread_record *_mpk_thread(void);
/* The same without creating; NULL when there is none. Callable with rights closed. */
struct thread_record *_mpk_thread_find(void);

/* domain.c: makes [base, base+bytes) usable, tagged before first use. The range
 * grows upward from domain->committed. */
int _mpk_domain_commit(mpk_domain *domain, size_t bytes);
/* domain.c: page runs that foreign code may touch. On pku they are retagged; on
 * mprotect they are left out when the domain is closed. addr, bytes: whole pages. */
int _mpk_domain_share(mpk_domain *domain, uintptr_t address, size_t bytes);
int _mpk_domain_unshare(mpk_domain *domain, uintptr_t address, size_t bytes);

/* heap.c: called once when a domain is created, with rights open. */
int _mpk_heap_init(mpk_domain *domain);
/* heap.c: a thread ends; its caches go back. Called for each domain. */
void _mpk_heap_thread_exit(mpk_domain *domain, struct thread_record *record);

/* report.c */
_Noreturn void _mpk_fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* try.c: leaves every frame up to the innermost try; resumes there. */
_Noreturn void _mpk_unwind(struct thread_record *record);

#endif
