/* mpk.h - memory domains guarded by protection keys: the public C interface.
 *
 * A *domain* is a reserved range of addresses whose pages carry one protection
 * key, a heap inside that range, and the rights that foreign code has on it.
 * The *host* (Rust, Python, or C of yours) owns domains; *foreign* code (C, C++) runs
 * behind *gates* that take the rights away and give them back.
 *
 * There is one *host domain* per process, at a fixed address, so that "is this
 * pointer ours?" is one compare against a constant in rewritten code. Further
 * domains may be created anywhere.
 *
 * The *published* range beside it is readable by foreign code and writable
 * only by the host: the runtime's own state, the thread records that gates
 * return by, and the pseudo-pointer table live there.
 *
 * Attacker: foreign code with arbitrary reads and writes to whatever its
 * rights allow. What it may not do (run WRPKRU found elsewhere, ask the kernel
 * to change mappings) is listed in THREAT_MODEL.md.
 *
 * Sources: [SDM 3A 4.6.2] protection keys; [libmpk]; [ERIM] gates.
 */
#ifndef GALEED_MPK_H
#define GALEED_MPK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Address plan: constants that C, Rust, Python and IR share. ---------- */

/* The three addresses may be moved for a build of the C runtime alone (sanitizers
 * that need them for themselves); everything else has them as they are here. */
#ifndef MPK_HOST_BASE
#define MPK_HOST_BASE 0x200000000000      /* first byte of the host domain */
#define MPK_PUBLISHED_BASE 0x201000000000 /* first byte of the published range */
#define MPK_PUBLISHED_USER 0x201010000000 /* from here on it belongs to the layer above */
#endif
#define MPK_HOST_SHIFT 36                 /* log2 of its size: 64 GiB */
#define MPK_PUBLISHED_BYTES 0x20000000    /* 512 MiB of addresses, faulted in on use */

/* ---- Errors: every function that can fail returns 0 or one of these. ----- */

enum mpk_error {
    MPK_OK = 0,
    MPK_ENOPKU = -1,    /* pku was demanded and this machine has none */
    MPK_ENOKEY = -2,    /* no hardware key is left, or all 14 domains are taken */
    MPK_ENOMEM = -3,    /* no memory, or the domain's range is full */
    MPK_EADDRESS = -4,  /* the fixed range is taken by another mapping */
    MPK_EENVIRONMENT = -5, /* a GALEED_* variable has a value that is not one of its own */
    MPK_EINVALID = -6,  /* an argument outside its documented range */
    MPK_EKERNEL = -7,   /* the kernel refused a call that it should support; errno says why */
    MPK_ENESTED = -8,   /* gates nested deeper than MPK_GATE_DEPTH */
    MPK_ETHREADS = -9,  /* more live threads than MPK_THREADS */
    MPK_EPINNED = -10,  /* open mpk_begins hold the page group, or every hardware key */
    MPK_EVKEY = -11,    /* no such virtual key, or it exists already */
    MPK_EHARDEN = -12,  /* a demanded part of a hardening policy cannot be had */
    MPK_ELIMIT = -13,   /* the domain's own memory limit is reached */
};
/* One line for people: what is wrong and what to do. Never NULL. */
const char *mpk_strerror(int error);

enum mpk_backend { MPK_BACKEND_NONE = 0, MPK_BACKEND_PKU = 1, MPK_BACKEND_MPROTECT = 2 };
enum mpk_rights { MPK_NONE = 0, MPK_READ = 1, MPK_READ_WRITE = 3 };
enum mpk_policy { MPK_ON_VIOLATION_ABORT = 0, MPK_ON_VIOLATION_UNWIND = 1, MPK_ON_VIOLATION_REPORT = 2 };

/* ---- Runtime ------------------------------------------------------------- */

/* Starts the runtime: reads GALEED_BACKEND, GALEED_FOREIGN_RIGHTS,
 * GALEED_ON_VIOLATION, GALEED_REPORT and GALEED_HEAP (mpk_heap.h), chooses the backend, maps the
 * published range. Idempotent, thread-safe; called by everything that needs it.
 * errors: ENOPKU, ENOKEY, EADDRESS, EENVIRONMENT, EKERNEL, ENOMEM. */
int mpk_start(void);
/* Did another copy of this runtime, in another library, start in this process before? They share
 * its state then. pre: mpk_start() == 0 */
int mpk_is_joined(void);
enum mpk_backend mpk_backend(void);     /* pre: mpk_start() == 0 */
const char *mpk_backend_name(void);     /* "pku" or "mprotect" */
const char *mpk_backend_reason(void);   /* why this one, in words */

/* Does this CPU and kernel have user protection keys? OSPKE in CPUID *and* a
 * trial pkey_alloc [pkeys(7)]; never by vendor. Needs no mpk_start(). */
int mpk_pku_available(void);
int mpk_keys_free(void);                /* hardware keys that pkey_alloc would still give */

/* ---- Domains ------------------------------------------------------------- */

typedef struct mpk_domain mpk_domain;

/* The host domain, created at the first call. NULL: *error says why. */
mpk_domain *mpk_host(int *error);

/* A further domain of reserve_bytes addresses (0: 1 GiB), closed to the calling
 * thread. There are at most 14 at once, the host's among them; on pku no more than free
 * hardware keys. For more: page groups (mpk_keys.h). Does mpk_faults_install, so that
 * the use of a closed domain is a violation with a report.
 * post: *out is set, or an error is returned and nothing is left behind.
 * errors: ENOKEY, ENOMEM, EINVALID, EKERNEL and those of mpk_start. */
int mpk_domain_create(size_t reserve_bytes, mpk_domain **out);
/* pre: no thread uses the domain. Its memory is gone; on pku the key is kept
 * for the next domain, never given back while pages could carry it. */
int mpk_domain_destroy(mpk_domain *domain);

/* Gives the calling thread (on mprotect: the process) rights on the domain.
 * post: *previous holds what it had, to be handed to mpk_domain_close. */
int mpk_domain_open(mpk_domain *domain, enum mpk_rights rights, enum mpk_rights *previous);
int mpk_domain_close(mpk_domain *domain, enum mpk_rights previous);
enum mpk_rights mpk_domain_rights(mpk_domain *domain); /* of the calling thread */
int mpk_domain_key(const mpk_domain *domain);          /* hardware key; 0 on mprotect */
int mpk_domain_contains(const mpk_domain *domain, const void *address);
void mpk_domain_range(const mpk_domain *domain, uintptr_t *base, size_t *bytes);

/* Copies between a domain's heap and the caller, opening and closing around it.
 * pre: address .. address+bytes lies inside one live allocation; else EINVALID. */
int mpk_domain_read(mpk_domain *domain, const void *address, void *out, size_t bytes);
int mpk_domain_write(mpk_domain *domain, void *address, const void *in, size_t bytes);

/* Memory that belongs to the domain for ever and is zero: tables of the layer
 * above. Committed by the kernel as it is touched. pre: open. NULL: full. */
void *mpk_domain_private(mpk_domain *domain, size_t bytes);

/* ---- Heap. pre for all: the calling thread has MPK_READ_WRITE. ----------- */

/* errors: NULL when memory or the range is exhausted, the domain's limit met, or align no
 * power of two (mpk_heap_refusal says which).
 * post: aligned to align (a power of two; 0 means 16), at least one byte of
 * slack follows, so that base + bytes belongs to no other allocation.
 * An allocation of MPK_PAGE_BYTES or more has its pages to itself. */
#define MPK_PAGE_BYTES 4096
void *mpk_heap_alloc(mpk_domain *domain, size_t bytes, size_t align);
void *mpk_heap_calloc(mpk_domain *domain, size_t bytes, size_t align);
/* A pointer that is not the base of a live allocation is a violation (access
 * "free"): temporal (double free), spatial (inside an allocation) or forged (not in
 * the domain, or never allocated). With policy report nothing is freed. NULL is
 * ignored. */
void mpk_heap_free(mpk_domain *domain, void *base);
/* The same for a caller that knows what it asked for; another size, or an
 * alignment (0: any) that base does not have or that is no power of two, is a type
 * violation. */
void mpk_heap_free_sized(mpk_domain *domain, void *base, size_t bytes, size_t align);
/* Moves if it must; the free or resize hook runs for a lent allocation. A base
 * that mpk_heap_free would refuse is the same violation; NULL with policy report. */
void *mpk_heap_realloc(mpk_domain *domain, void *base, size_t bytes, size_t align);
/* A wrong base is a violation as above (access "read"); 0 with policy report. */
size_t mpk_heap_usable_bytes(mpk_domain *domain, const void *base);

struct mpk_allocation {
    uintptr_t base;
    size_t bytes;          /* exactly what was asked for */
    uint32_t *mark;        /* a word for the layer above, 0 at birth; NULL until mpk_heap_mark */
    int own_pages;         /* nothing else lives on its pages */
    int shared;            /* those pages are open to foreign code now */
};
/* Which live allocation holds the address (base <= address <= base + bytes:
 * one past the end belongs to it)? O(1). Returns 1, or 0 when none does. */
int mpk_heap_find(mpk_domain *domain, uintptr_t address, struct mpk_allocation *out);
/* Gives the allocation its word (creating it). While the word is not 0, the
 * hooks are called when the allocation dies or changes size in place.
 * The hooks run before the memory can be reused, with rights open, without
 * heap locks. NULL: no memory. */
uint32_t *mpk_heap_mark(mpk_domain *domain, uintptr_t base);
struct mpk_heap_hooks {
    void (*freed)(uintptr_t base, size_t bytes, uint32_t mark);
    void (*resized)(uintptr_t base, size_t old_bytes, size_t new_bytes, uint32_t mark);
};
void mpk_heap_set_hooks(mpk_domain *domain, const struct mpk_heap_hooks *hooks);
/* Opens the allocation's pages to foreign code, until it is freed (the heap
 * takes the pages back before it reuses them). pre: own_pages. */
int mpk_heap_share(mpk_domain *domain, uintptr_t base);

/* The host domain's allocator for a language's global allocator (Rust's
 * GlobalAlloc), and for nothing else: a program that contains these symbols is
 * known by them to allocate in the domain. The first call starts the runtime; if
 * that fails, one line on stderr says why and the process exits with status 2. */
void *mpk_host_alloc(size_t bytes, size_t align);
void *mpk_host_calloc(size_t bytes, size_t align);
void mpk_host_free(void *base);
void mpk_host_free_sized(void *base, size_t bytes, size_t align);
void *mpk_host_realloc(void *base, size_t bytes, size_t align);

struct mpk_heap_stats {
    size_t reserved_bytes, committed_bytes, live_bytes, live_allocations, shared_bytes;
    size_t used_bytes;     /* pages that are not in free runs: what a limit bounds */
    size_t limit_bytes;    /* 0: no limit */
    size_t metadata_bytes; /* of used_bytes: descriptors, caches, marks */
    size_t dirty_bytes;    /* in free runs and not yet given back to the kernel, at most */
    size_t guard_bytes;    /* of used_bytes: inaccessible pages around huge allocations */
    size_t retired_bytes;  /* of used_bytes: could not be taken back from foreign code */
};
void mpk_heap_statistics(mpk_domain *domain, struct mpk_heap_stats *out);
/* Checks every invariant; 0, or the line number of the first that is broken. */
int mpk_heap_check(mpk_domain *domain);

/* ---- Gates. token: an address in the caller's frame, the same at exit. --- */

#define MPK_GATE_DEPTH 64
#define MPK_THREADS 4096

/* Is the calling thread in foreign code now? Costs one RDPKRU. */
int mpk_gate_is_foreign(void);
/* The same for generated gates: nonzero in foreign code; changes eax, r11 and flags only
 * (LLVM's calling convention preserve_all, which C has no portable name for). */
int mpk_gate_side(void);
/* Host to foreign. function: its name, for reports; must live for ever.
 * post: every domain is closed as GALEED_FOREIGN_RIGHTS says; PKRU was read back. */
void mpk_gate_enter(void *token, const char *function);
/* For a library of the host under a foreign main: main's thread is foreign from now on, for
 * good; mpk_callback_enter is the way into the host. function: as above, "main".
 * pre: called before main, by the process's only thread.
 * errors: those of mpk_start; MPK_EINVALID (other threads, inside a gate, foreign). */
int mpk_gate_outermost(const char *function);
/* Foreign to host, by what the thread's record says. Fatal when the record does
 * not say that this very gate is the innermost one. */
void mpk_gate_exit(void *token);
/* Foreign to host and back, for a callback. */
void mpk_callback_enter(void *token);
void mpk_callback_exit(void *token);
/* Foreign to host and back inside the runtime itself, never around code of the
 * program: accessors. Does nothing (and undoes nothing) on a host thread.
 * Returns what mpk_access_end must be given. */
int mpk_access_begin(void);
void mpk_access_end(int was_foreign);
/* Around a system call that works on the host's memory: it stays open for the kernel. mprotect:
 * waits until no other thread is in foreign code, and keeps all out until the end; pku: nothing, as
 * rights are the thread's. Returns what the end must be given. pre: started, a host thread; between
 * the two neither gates nor waiting for what other threads do. */
int mpk_keep_open(void);
void mpk_keep_open_end(int kept);
/* Is the address part of a frame that belongs to the host, seen from the
 * foreign code that runs now? (Everything above the innermost gate, except the
 * frames of outer foreign calls.) Callable with rights closed. */
int mpk_gate_host_frame(uintptr_t address);
/* The calling thread's stack, as gates know it. mark: a word of the thread, 0 at first,
 * that the host may write; readable by foreign code. */
struct mpk_stack {
    uintptr_t low, high;
    uint32_t *mark;
};
/* pre: host rights. post: stack is filled; valid until the thread ends. */
void mpk_thread_stack(struct mpk_stack *stack);
/* hook: called with host rights when a thread ends whose mark is not 0. NULL: none. Not
 * called in a fork's child for the threads that fork left behind. */
void mpk_set_thread_hook(void (*hook)(uint32_t mark));
/* Name of the innermost foreign function entered, "a thread of its own" on one that foreign code
 * started and that is in none, or NULL. */
const char *mpk_gate_function(void);

/* Did foreign code start the calling thread, as far as is known? Only inside its callbacks is
 * such a thread the host's. */
int mpk_thread_is_born_foreign(void);

/* Calls body(argument). Returns 0, or 1 when a violation unwound to here: all
 * gates entered since are undone, rights are what they were. The frames between
 * are dropped without running destructors. */
int mpk_try(void (*body)(void *), void *argument);
/* From here on the thread's innermost mpk_try unwinds past no callback: a violation that would
 * drop a callback's frames aborts instead, and says so. For hosts whose frames cannot be
 * dropped. host_runs: asked, too, whether the thread runs code of the host's that came in by no
 * callback gate (Python: does it hold the interpreter's lock?); maybe in a signal handler, with
 * host rights. NULL: it never does. pre: called by the body of an mpk_try. */
void mpk_try_keep_callbacks(int (*host_runs)(void));

/* ---- Violations ---------------------------------------------------------- */

enum mpk_violation_kind {
    MPK_SPATIAL = 1, MPK_TEMPORAL, MPK_FORGED, MPK_RIGHTS, MPK_TYPE, MPK_BOUNDARY,
};
enum mpk_access { MPK_ACCESS_READ = 1, MPK_ACCESS_WRITE = 2, MPK_ACCESS_EXECUTE = 3, MPK_ACCESS_FREE = 4 };

#define MPK_THREAD_NAME_BYTES 16
#define MPK_SUBJECT_BYTES 96
struct mpk_violation {
    uint32_t kind;            /* enum mpk_violation_kind */
    uint32_t access;          /* enum mpk_access */
    uint64_t address;         /* address touched, or that the handle stood for; 0 unknown */
    uint64_t bytes;           /* size of the access; 0 unknown */
    uint64_t handle;          /* the pseudo-pointer; 0 when none was involved */
    int64_t offset;           /* from the start of the lease; meaningful when a lease is known */
    uint64_t bound;           /* bytes of the lease */
    uint64_t lease;           /* table index + 1; 0: none */
    uint64_t generation;
    uint64_t live_generation; /* of that index now */
    uint32_t mapped;          /* 1 mapped, 0 private */
    int32_t key;              /* hardware key of the page; -1 none involved */
    uint64_t allocation;      /* base of the host's allocation; 0 unknown */
    uint64_t allocation_bytes;
    uint64_t pc;              /* where in foreign code; 0 unknown */
    const char *function;     /* innermost foreign function; NULL unknown */
    const char *detail;       /* one clause for people; NULL none */
    int32_t thread;           /* kernel thread id */
    uint32_t action;          /* enum mpk_policy, as applied */
    uint64_t ended;           /* mpk_sites.h: the key of what has ended; 0: what lives at allocation */
    char thread_name[MPK_THREAD_NAME_BYTES]; /* as the kernel knows it; "": none */
    char subject[MPK_SUBJECT_BYTES]; /* what detail is about (a field, a function of C's library); "": none */
};
/* Fills what the runtime knows (function, thread), writes the text to stderr and
 * a JSON line (below) to GALEED_REPORT, calls the report hook, then applies the policy: aborts, unwinds to the
 * innermost mpk_try (aborts when there is none, and says so), or returns
 * (report). pre: called with rights open, from the thread that did it, inside
 * mpk_access_begin or in host code. */
void mpk_violate(struct mpk_violation *violation);
/* The JSON line, one object, one write; what is unknown is null:
 *   violation, access, function, detail, backend, action: words as above
 *   address, handle, pc, module_offset, allocation.base: strings "0x..." (64 bits are more
 *     than a JSON number keeps); key, thread, bytes, offset, time_ns: numbers
 *   module: the file that pc lies in, module_offset: from the first byte that it has in
 *     memory; galeed-report turns them into file and line of the source
 *   lease {index, generation, live_generation, kind: mapped|private, bound}, or null
 *   allocation {base, bytes}
 *   allocated, ended: where the allocation was made, and where it or the lease ended, with
 *     GALEED_SITES (mpk_sites.h): {thread, frames [{pc, module, module_offset}]}, or null
 *   thread_name: a string
 * Its schema is mpk/report.schema.json.
 * Faults that are violations: see fault.c. A signal handler that runs on top of
 * foreign code is foreign until it calls mpk_callback_enter. An access by an
 * unconverted pseudo-pointer, or a jump into a domain, cannot be let through:
 * policy report aborts there, and says so. */
/* The last violation that unwound on this thread; 0 when none. */
int mpk_last_violation(struct mpk_violation *out);
/* Asked about a faulting address or a faulting pseudo-pointer before it is
 * reported: the layer above adds what it knows. NULL: nobody. */
void mpk_set_violation_hook(void (*hook)(struct mpk_violation *violation));
/* Called when a violation was reported, before the policy is applied, on the thread that did
 * it, with host rights, on a stack of its own (1 MiB, inside the host domain): so no gate may
 * be entered (fatal). A fault may have stopped the thread anywhere in foreign code; what
 * foreign code can hold (a lock of the C library) must not be waited for. violation: for the
 * call alone. A violation in the hook is reported, and no hook is called for it; what would
 * unwind out of the hook aborts. Not called where the report may not have host rights (part
 * STACKS). NULL: nobody. pre: started. */
void mpk_set_report_hook(void (*hook)(const struct mpk_violation *violation));
/* Installs the SIGSEGV handler that tells our faults from others. Idempotent.
 * Called by the first gate and mpk_domain_create, not by mpk_start or mpk_host, so that
 * Rust's own handler is there before. */
int mpk_faults_install(void);
enum mpk_policy mpk_policy(void);
void mpk_set_policy(enum mpk_policy policy); /* pre: started. Fatal with any other value */
enum mpk_rights mpk_foreign_rights(void);

#ifdef __cplusplus
}
#endif
#endif
