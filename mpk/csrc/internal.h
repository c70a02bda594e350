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
#include <stddef.h>
#include "mpk.h"
#include "mpk_call.h"
#include "mpk_trap.h"

#define MPK_MAX_DOMAINS 14 /* hardware keys but 0 and the published one */

/* Bit 0: the frame entered foreign code; clear: a callback left it.
 * Bit 1: the frame changed stacks; its token is the stack pointer to come back to. */
enum gate_frame_kind { FRAME_CALLBACK = 0, FRAME_GATE = 1, FRAME_CALL_BACK = 2, FRAME_CALL = 3 };
#define FRAME_FOREIGN 1u

struct gate_frame {
    uintptr_t token;       /* address in the frame of the gate; frames grow down */
    uint32_t saved_pkru;   /* pku: what the thread had outside; mprotect: 1: of a gate: it was
                            * the runner already; of a callback: it was foreign */
    uint32_t kind;         /* enum gate_frame_kind */
    const char *function;
};

/* One per live thread, found by FS base through a hash in the published range.
 * Written by its own thread only. */
struct thread_record {
    _Atomic uintptr_t fs_base;  /* 0: free */
    uint32_t slot;              /* 0 .. MPK_THREADS-1, index of per-thread caches */
    int32_t thread_id;
    uint32_t depth;             /* frames in use */
    uint32_t born_foreign;      /* foreign code created it: below all frames it is foreign */
    uint32_t tries;             /* nested mpk_try; the frames are in the published range */
    uint32_t exit_rounds;       /* thread.c: how often its end was put off */
    uint32_t has_violation;
    uintptr_t stack_low;        /* the thread's stack; 0, 0 until the first gate */
    uintptr_t stack_high;
    uint32_t plain_gates;       /* mpk_gate_enter needs no preparation (bounds known, no host stack, part
                                 * STACKS not in force): the backend; else 0 */
    uint32_t stack_mark;        /* mpk_thread_stack: a word of whoever lends the stack */
    uintptr_t host_low;         /* stacks.c: the host stack in use; 0, 0 none. A */
    uintptr_t host_high;        /* struct host_stack lies at host_high */
    uintptr_t foreign_low;      /* stacks.c: the thread's foreign stack, a guard page below; 0, 0 none */
    uintptr_t foreign_high;
    uintptr_t foreign_top;      /* the same: where a call begins that is in no other; 0 not known */
    uintptr_t signal_stack;     /* stacks.c: that it was given; 0 none */
    uintptr_t hook_stack;       /* report_hook.c: where it begins; 0 none yet. Stays with the slot */
    uint32_t hook_tries;        /* report_hook.c: a hook runs: tries + 1 when it began; else 0 */
    _Alignas(256) struct gate_frame frames[MPK_GATE_DEPTH]; /* gates in assembler know the place */
    struct mpk_violation last_violation;
};
_Static_assert(sizeof(struct thread_record) <= 2048, "a record outgrew its place");

/* What gates and the fault handler must know about a domain while it is closed
 * (struct mpk_domain lies inside it). Changed under extent_lock. */
struct domain_extent {
    uintptr_t base;                /* 0: slot is free */
    size_t bytes;                  /* reserved */
    _Atomic size_t committed;      /* accessible from base */
    _Atomic size_t private_bytes;  /* accessible below base + bytes: mpk_domain_private */
    size_t ready;                  /* from base: tagged already, committed or not */
    size_t limit;                  /* what committed may grow to; less than bytes: secret memory */
    int key;
    _Atomic uint32_t rights;       /* mprotect: what the process's host threads have */
    _Atomic uint32_t held;         /* mprotect: _mpk_domain_hold that last; then its pages are open */
    uint32_t runs;                 /* mprotect: shared runs, sorted, see share.c */
};

/* Where things lie in the published range (offsets; MPK_PUBLISHED_USER ends it). */
#define MPK_RECORD_BYTES 2048          /* one struct thread_record */
#define MPK_RECORDS_OFFSET 0x00100000
#define MPK_TRIES_OFFSET 0x01000000    /* MPK_TRY_DEPTH try frames a thread */
#define MPK_RUNS_OFFSET 0x04000000     /* share.c */
#define MPK_KEYS_OFFSET 0x08000000     /* vkey.h; 16 MiB */
#define MPK_TRAPS_OFFSET 0x0a000000    /* one page a thread: struct mpk_trap */
#define MPK_REPORTS_OFFSET 0x0c000000  /* MPK_REPORT_BYTES a thread: struct mpk_sites, and room to compose in */
#define MPK_REPORT_BYTES 0x4000

#define MPK_OLDER_THREADS 512

#define MPK_XSAVE_PARTS 10         /* 9 is PKRU, the last that we look at */
struct xsave_part { uint32_t offset, bytes; };

struct previous_handler {          /* of a signal: struct sigaction, as far as it matters */
    uintptr_t function;            /* 0: SIG_DFL, 1: SIG_IGN */
    int flags;
    uint64_t mask;                 /* signals 1 to 64 */
};

/* Tells our published range from somebody else's mapping, and one layout of it
 * from another: a process may hold two copies of this code (a Python extension
 * and a Rust library); the second one joins the first one's state. */
#define MPK_MAGIC (0x31444545414C4147u ^ ((uint64_t)sizeof(struct runtime) << 32) ^ \
                   ((uint64_t)offsetof(struct thread_record, frames) << 16))

struct runtime {
    _Atomic uint64_t magic;        /* MPK_MAGIC once everything else is set */
    enum mpk_backend backend;
    enum mpk_rights foreign_rights;
    _Atomic uint32_t policy;
    int published_key;             /* pku only */
    int report_fd;                 /* GALEED_REPORT, opened at start; -1 none */
    uint32_t published_bits;       /* pku: both PKRU bits of the published key */
    _Atomic uint32_t scrub;        /* call.c: which registers this CPU has, enum call_scrub */
    /* pku: high half: PKRU bits of every key of ours; low half: what those bits
     * are in foreign code. One word, so that a gate sees both change at once. */
    _Atomic uint64_t guarded;
    uint32_t host_bits;            /* pku: PKRU bits of the host domain's key; 0 none yet */
    uint32_t spare_keys;           /* pku: bit k: key k of a destroyed domain, for reuse */
    _Atomic uintptr_t runner;      /* mprotect: FS base of the one foreign thread; 0 none */
    _Atomic uintptr_t closed;      /* mprotect: the same while memory is closed for it, else 0 */
    _Atomic uintptr_t extent_lock; /* extents and runs: FS base of who holds it; mprotect: held while closed */
    int forking_foreign;           /* thread.c: between fork's handlers, under extent_lock */
    struct domain_extent extents[MPK_MAX_DOMAINS];
    unsigned exit_key;             /* pthread_key_t; thread.c: how the end of a thread is noticed */
    _Atomic uint32_t faults_installed;
    uint32_t faults_early;         /* fault.c: installed by a gate before main, until that is left */
    struct previous_handler previous[3]; /* of SIGSEGV, SIGBUS and SIGTRAP, before us */
    int32_t older_threads[MPK_OLDER_THREADS]; /* kernel ids of threads older than the keys */
    _Atomic(mpk_domain *) host;
    _Atomic uint32_t host_lock;    /* while the host domain is being made */
    uintptr_t idle_host_stacks;    /* stacks.c: a list, under extent_lock */
    _Atomic uintptr_t callbacks[MPK_CALLBACKS_MOST]; /* call.c: what mpk_call_back may call; 0 free */
    void (*violation_hook)(struct mpk_violation *);
    void (*report_hook)(const struct mpk_violation *);
    void (*thread_hook)(uint32_t);
    enum mpk_trap_verdict (*trap_server)(struct mpk_trap *); /* trap.c */
    uint32_t on_trap;              /* enum mpk_on_trap: GALEED_ON_TRAP */
    int profile_fd;                /* GALEED_PROFILE, opened at start; -1 none */
    struct xsave_part xsave[MPK_XSAVE_PARTS]; /* of the standard XSAVE area, by component; 0 bytes: none */
    _Atomic uint32_t hardened;     /* enum mpk_harden_part: in force */
    uint32_t prepared;             /* of those: made ready at start, by GALEED_HARDEN */
    _Atomic uint32_t harden_job;   /* harden_threads.c: what its signal asks for */
    _Atomic uint32_t signals_end;  /* part SIGNALS comes, or is there: virtual keys send none */
    int harden_ruleset;            /* the same: Landlock's descriptor meanwhile */
    size_t harden_bytes;           /* GALEED_HARDEN_MEMORY: of each domain, ready when frozen */
    _Atomic uint32_t frozen;       /* page rights of domains change no more (harden.h) */
    uintptr_t main_stack_low;      /* harden_stack.c: the first thread's, once nobody can read */
    uintptr_t main_stack_high;     /* /proc/self/maps any more; else 0, 0 */
    uint32_t heap_parts;           /* GALEED_HEAP: hardening of every domain's heap */
    uint32_t site_level;           /* enum mpk_site_level: GALEED_SITES */
    struct sites *sites;           /* sites.c: inside the host domain; NULL: off */
    _Atomic uint32_t domains_lock; /* while a domain begins or ends, or all are visited */
    char reason[160];
    _Atomic uint64_t record_slots[MPK_THREADS / 64]; /* which ever had a record; others are not looked at: that
                                                        would take a page, of locked memory under SECRETMEM */
};
_Static_assert(sizeof(struct runtime) <= MPK_RECORDS_OFFSET, "runtime overlaps the records");
#define MPK_RUNTIME ((struct runtime *)MPK_PUBLISHED_BASE)

/* 1 once mpk_start succeeded. On a page of its own that is read-only from then on. */
struct started_page {
    uint32_t started;
    uint32_t published_bits; /* pku: as in the runtime; readable when that is closed too */
    uint32_t joined;         /* the published range was there before this copy of the code started */
    uint32_t stacks;         /* part STACKS is in force; readable when the published range is closed too */
    uint32_t plain;          /* started, and no sites are recorded: the global allocator's short way */
    char rest[MPK_PAGE_BYTES - 5 * sizeof(uint32_t)];
};
extern struct started_page _mpk_started __attribute__((visibility("hidden")));

struct heap;               /* heap.c */
struct mpk_domain {        /* at the start of the domain's own range */
    uintptr_t base;
    size_t bytes;          /* reserved */
    size_t committed;      /* readable and writable from base, tagged */
    int key;               /* 0 on mprotect */
    uint32_t index;        /* in runtime.extents */
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
/* share.c: makes pages of mpk_domain_private inaccessible to everybody, for ever. */
int _mpk_domain_guard(mpk_domain *domain, uintptr_t address, size_t bytes);
/* share.c: page runs that nobody may touch, whatever is opened; and back. */
int _mpk_domain_hide(mpk_domain *domain, uintptr_t address, size_t bytes);
int _mpk_domain_show(mpk_domain *domain, uintptr_t address, size_t bytes);
/* heap_guard.c: is the address in a guard? Then *out is the allocation that it
 * guards. pre: the domain is readable. */
bool _mpk_heap_guard_find(mpk_domain *domain, uintptr_t address, struct mpk_allocation *out);

/* access.c: mpk_domain_open and mpk_domain_close for the runtime's own work, which no other
 * thread notices. */
int _mpk_domain_hold(mpk_domain *domain, enum mpk_rights *previous);
int _mpk_domain_let(mpk_domain *domain, enum mpk_rights previous);

/* domain.c: no domain begins or ends meanwhile. Taken before every other lock. */
void _mpk_domains_lock(void);
void _mpk_domains_unlock(void);
/* domain.c: the host domain is not made meanwhile. Taken before _mpk_domains_lock. */
void _mpk_host_lock(void);
void _mpk_host_unlock(void);

/* fork.c: idempotent. errors: ENOMEM. start.c: nobody starts the runtime meanwhile. */
int _mpk_fork_register(void);
void _mpk_start_lock(void);
void _mpk_start_unlock(void);

/* heap.c: called once when a domain is created, with rights open. */
int _mpk_heap_init(mpk_domain *domain);
/* heap.c: a thread ends; its caches go back. Called for each domain. */
void _mpk_heap_thread_exit(mpk_domain *domain, struct thread_record *record);

/* start.c: keeps one line that mpk_strerror(error) will return; gives error back.
 * For start-up only. */
int _mpk_explain(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* fault.c: mpk_faults_install, for mpk_start itself. pre: the runtime is filled. */
int _mpk_faults_install_started(void);
/* fault.c: the same for a gate. Before main only until the outermost gate is left, which then
 * calls _mpk_faults_stand_aside: a language's own start finds the signals as the kernel left them. */
int _mpk_faults_install_for_gate(void);
void _mpk_faults_stand_aside(void);
/* before_main.c: a constructor of the program runs on this thread, for certain. */
bool _mpk_before_main(void);
/* fault.c: pku: the same as soon as somebody else handles faults; the heap asks now
 * and then, because the host's signal handlers need it before any gate. */
void _mpk_faults_follow(void);

/* fatal.c. Understands %s %d %u %x %lx %zu %p, in any state, and aborts. */
_Noreturn void _mpk_fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* gate.c: mpk_access_begin for the runtime itself: what C does behind our back (a fork, a
 * thread's end). what: "called fork"; fatal with it where part STACKS rules it out (pku). */
int _mpk_access_begin_to(const char *what);

/* try.c: leaves every frame up to the innermost try; resumes there. */
_Noreturn void _mpk_unwind(struct thread_record *record);

#endif
