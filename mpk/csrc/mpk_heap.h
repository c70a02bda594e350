/* mpk_heap.h - limits and hardening of a domain's heap; mpk.h has the rest.
 *
 * A *limit* bounds the pages that one domain's heap may have in use, so that one
 * compartment cannot take the memory of all. *Parts* of hardening make the host's
 * own mistakes (a stale pointer, an overflow in unsafe code) harder to exploit and
 * sooner seen; they are not needed to keep foreign code out, rights do that.
 *
 * Attacker: foreign code can call none of this: it has no rights on the domain.
 *
 * Source: [hardened_malloc] random reuse with a quarantine, guard pages, memory
 * that must still be zero; [mimalloc] secure mode, randomised lists.
 */
#ifndef GALEED_MPK_HEAP_H_PUBLIC
#define GALEED_MPK_HEAP_H_PUBLIC

#include <stddef.h>
#include <stdint.h>
#include "mpk.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Limits ---------------------------------------------------------------- */

/* The heap of the domain may have at most so many bytes of pages in use (rounded
 * down to pages; 0: as many as its range holds). Counted are allocations, the free
 * blocks of spans that hold live ones, thread caches and metadata:
 * mpk_heap_stats.used_bytes. Less than is in use now: nothing is taken away, and
 * nothing but what caches hold is given until enough was freed. An allocation that meets the limit first
 * empties what the calling thread and the size classes keep, then returns NULL.
 * Memory of mpk_domain_private is not the heap's. Takes effect for all threads.
 * pre: a host thread. errors: EINVALID (no domain), EKERNEL. */
int mpk_domain_limit(mpk_domain *domain, size_t bytes);

/* Why would an allocation be refused now? EINVALID: no such alignment; ELIMIT: the
 * domain's limit; ENOMEM: its range or the machine's memory; OK: it need not be,
 * other threads have freed something since. Ask after a NULL.
 * pre: the calling thread has MPK_READ_WRITE. */
int mpk_heap_refusal(mpk_domain *domain, size_t bytes, size_t align);

/* ---- Hardening ------------------------------------------------------------- */

enum mpk_heap_part {
    MPK_HEAP_RANDOM = 1 << 0,     /* blocks of a span are given out in random order */
    MPK_HEAP_GUARDS = 1 << 1,     /* an inaccessible page before and behind each huge allocation */
    MPK_HEAP_QUARANTINE = 1 << 2, /* what is freed is reused late, in random order */
    MPK_HEAP_ZERO = 1 << 3,       /* what is freed is zeroed; with QUARANTINE, a block that was
                                   * written meanwhile is a temporal violation when it leaves */
    MPK_HEAP_DEFAULT = 0,
    MPK_HEAP_HARDENED = (1 << 4) - 1,
};
#define MPK_HEAP_HUGE_BYTES 131072 /* from this many bytes on an allocation is huge */

/* "default", "hardened", or parts joined by commas: random, guards, quarantine,
 * zero. errors: EINVALID (*parts stays). */
int mpk_heap_parse(const char *text, uint32_t *parts);

/* Chooses the parts for a domain whose heap was never used. Every domain starts
 * with those of GALEED_HEAP (the words above; unset: default).
 * pre: a host thread. errors: EINVALID (unknown parts, or the heap was used), EKERNEL. */
int mpk_heap_harden(mpk_domain *domain, uint32_t parts);
uint32_t mpk_heap_parts(mpk_domain *domain); /* pre: the calling thread has MPK_READ */

#ifdef __cplusplus
}
#endif
#endif
