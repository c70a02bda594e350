/* heap_harden.h - what the heap's other files ask of hardening (mpk_heap.h names
 * the parts). None of it is on a hot path: a hardened heap never lets a thread's
 * window match (heap_cache.c), so that every operation takes the slow entry. */
#ifndef GALEED_MPK_HEAP_HARDEN_H
#define GALEED_MPK_HEAP_HARDEN_H

#include "heap.h"
#include "mpk_heap.h"

#define QUARANTINE_BLOCKS 256   /* a thread's, of any class: at most 1 MiB */
#define QUARANTINE_RUNS 16
#define QUARANTINE_LONGEST 32   /* pages of a run there: at most 2 MiB in all */

struct quarantine {             /* a thread's, used by it alone */
    uint64_t random;            /* state of random_below */
    void *blocks[QUARANTINE_BLOCKS]; /* size word SIZE_SENT; NULL: place is free */
    struct span *runs[QUARANTINE_RUNS]; /* SPAN_BUSY; large.bytes is what it was */
};

/* ---- heap_harden.c --------------------------------------------------------- */

/* The parts that GALEED_HEAP names. For _mpk_heap_init. errors: EKERNEL. */
int _mpk_heap_harden_init(struct heap *heap);
/* A number below the bound, from a state that only the domain holds. */
uint32_t _mpk_heap_random_below(uint64_t *state, uint32_t bound);
/* Puts all blocks of a new span on its list, in random order. pre: class locked;
 * nobody knows the span yet; its size words are 0, before and after. */
void _mpk_heap_scatter(struct heap *heap, struct span *span, const struct size_class *class_);

/* ---- heap_quarantine.c ------------------------------------------------------ */

/* A new cache's quarantine. false: no memory. */
bool _mpk_heap_quarantine_add(struct heap *heap, struct cache *cache);
/* A block that was just freed (size word SIZE_SENT) goes in, another such one comes
 * out, or none (NULL), to go home. *written: address in it that was written meanwhile, or 0.
 * cache: may be NULL. */
void *_mpk_heap_hold_block(struct heap *heap, struct cache *cache, void *block, uintptr_t *written);
/* The same for a run of pages, which it frees. Reports what was written. */
void _mpk_heap_hold_run(struct heap *heap, struct cache *cache, struct span *span);
void _mpk_heap_report_written(struct heap *heap, uintptr_t address);
/* All goes home. pre: the caller owns the cache. */
void _mpk_heap_quarantine_drop(struct heap *heap, struct cache *cache);
/* After a fork: blocks and runs are found by their own words. */
void _mpk_heap_quarantine_forget(struct cache *cache);

/* ---- heap_guard.c ------------------------------------------------------------ */

/* A run with a guard before and behind it; SPAN_BUSY. NULL: no memory, or the
 * kernel gives no guards. align: at least a page. */
struct span *_mpk_heap_guarded_run(struct heap *heap, size_t pages, size_t align, bool *zero);
/* pre: span->large.guarded. */
void _mpk_heap_guarded_free(struct heap *heap, struct span *span);

#endif
