/* prim.h - all that the runtime asks of CPU and kernel, as one contract.
 *
 * Two implementations, prim_pku.c and prim_mprotect.c, are both compiled in, and
 * start.c chooses one by setting runtime.backend. Each entry says what holds on
 * both; differences are named.
 */
#ifndef GALEED_MPK_PRIM_H
#define GALEED_MPK_PRIM_H

#include "internal.h"

struct mpk_prim {
    /* Takes a hardware key, closed for the calling thread. mprotect: always 0. */
    int (*key_alloc)(int *key);
    /* Makes whole pages accessible (or PROT_NONE) under the key.
     * pre: page-aligned. post: no page of the range was ever accessible under
     * another key in between. errors: ENOMEM, EKERNEL. */
    int (*tag)(void *address, size_t bytes, int prot, int key);
    /* Rights of the calling thread (mprotect: the process) on one domain.
     * pre: a host thread; mprotect: extent_lock is held for rights_set. */
    enum mpk_rights (*rights_get)(struct domain_extent *extent);
    int (*rights_set)(struct domain_extent *extent, enum mpk_rights rights);
    /* Every domain and the published range: closed as foreign code must see
     * them. Returns what open_all must be given to come back to this state.
     * post: verified. record may be NULL on pku. mprotect: takes extent_lock. */
    uint32_t (*close_all)(struct thread_record *record);
    /* Back: the guarded bits become those of saved. post: verified.
     * mprotect: everything to the host's rights; extent_lock is free again. */
    void (*open_all)(struct thread_record *record, uint32_t saved);
    /* Does the calling thread run with rights closed? Callable in either state. */
    bool (*is_closed)(void);
};
extern const struct mpk_prim _mpk_prim_pku;
extern const struct mpk_prim _mpk_prim_mprotect;
/* The chosen one. A pointer in .data would be foreign-writable: resolved by a
 * branch on runtime.backend instead. */
static inline const struct mpk_prim *_mpk_prim(void) {
    return MPK_RUNTIME->backend == MPK_BACKEND_PKU ? &_mpk_prim_pku : &_mpk_prim_mprotect;
}

/* prim_mprotect.c: the one foreign thread at a time. take waits; both are
 * called with memory open. take: false when the thread is the runner already: in a
 * signal handler amid a gate or an accessor. Whoever took gives back. */
bool _mpk_runner_take(uintptr_t fs_base);
void _mpk_runner_release(void);
/* Waits while memory is closed for another thread's foreign call. Writes nothing
 * in guarded memory, so that a fault handler may call it. */
void _mpk_wait_until_open(uintptr_t fs_base);
/* prim_mprotect.c: opens a domain's pages for the runtime, beside what rights host threads
 * give and take meanwhile; and back. Nests. errors: ENOMEM, EKERNEL. */
int _mpk_extent_hold(struct domain_extent *extent);
int _mpk_extent_let(struct domain_extent *extent);
/* The lock on extents and runs. mprotect: waits while memory is closed. */
void _mpk_extents_lock(void);
/* Does the calling thread hold it: is this a signal handler amid its own change? There,
 * to lock is fatal (it could only wait for ever). */
bool _mpk_extents_mine(void);
void _mpk_extents_unlock(void);

/* share.c: calls visit for each part of the domain's committed pages that is
 * not shared; stops at the first error. pre: extent_lock. */
int _mpk_extent_parts(struct domain_extent *extent, int (*visit)(uintptr_t, size_t, int), int argument);
/* domain.c: the extent of a domain, NULL when it is none of ours. Needs no
 * rights on the domain. */
struct domain_extent *_mpk_extent_of(const mpk_domain *domain);
/* domain.c: tags at least the first bytes of the domain (or all that there is) now,
 * so that growth up to there needs no kernel. pre: extent_lock. */
int _mpk_domain_make_ready(struct domain_extent *extent, size_t bytes);
/* The extent whose committed pages hold the address, or NULL. */
struct domain_extent *_mpk_extent_at(uintptr_t address);

#endif
