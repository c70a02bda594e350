/* heap.h - the heap's own structures, shared by the heap*.c files only.
 *
 * Terms. A *page* is MPK_PAGE_BYTES. A *run* is a row of pages. A *span* is a
 * run with a descriptor (struct span): free, cut into blocks of one size class
 * (*small*), or one page-owning allocation (*large*). A *block* is one place in
 * a small span. A block is *live* (the program has it), *cached* (in a thread's
 * cache), *free* (on its span's list) or *fresh* (never handed out).
 *
 * Where things lie, all inside the domain that they describe:
 *
 *   struct mpk_domain | struct heap | page map | unit map | runs ....... | uncommitted
 *
 *   page map   one word per page of the whole reserved range: where the
 *              descriptor of the span on that page is, in units of SPAN_BYTES
 *              from the domain's base; 0: not the heap's. Right for every page
 *              of a span in use and for the first and last page of a free run;
 *              stale elsewhere, so a reader compares with the span's own range.
 *   unit map   one word per SMALL_BYTES of addresses: when a small span lies there
 *              its class and its owner (below), else 0. Small spans are aligned to
 *              their length, so the hot paths get from a block to its class, bin,
 *              size word and owner by this word alone.
 *   metadata   descriptors, thread caches and mark arrays are cut from runs of
 *              their own, which are never given back and never found.
 *   small span | size words, one per block | blocks ... |
 *
 * A size word is 0 while nobody has the block, else SIZE_LIVE | requested bytes,
 * with SIZE_MARKED once the layer above has a mark on it; SIZE_SENT on the block's
 * way home (below). It serves as the exact bound, as the check against double
 * frees, and as the way to a mark, without a byte in or beside the block.
 *
 * Attacker: foreign code, which can neither read nor write any of this while
 * the domain is closed. The one exception, pages lent by mpk_heap_share, hold
 * nothing of the heap's: free lists run through blocks of small spans only,
 * which are never shared.
 *
 * ASSUMES: the host does not write into memory that it has freed.
 *
 * Owners. A small span belongs to one cache, and only that cache's thread gives its
 * blocks out or takes them back: no lock, no atomic exchange, no line of memory that
 * two threads write. Another thread that frees a block changes its size word from
 * live to SIZE_SENT (one compare-and-swap) and posts it in the owner's mailbox
 * (heap_mail.c). When a thread ends its spans are *abandoned*: owner 0, guarded by
 * the class's lock, until a thread that needs blocks adopts them.
 *
 * Two threads that free the same block at once. If both are strangers, one loses
 * the compare-and-swap. If one is the owner, its plain load and store may enclose
 * the other's swap: then the block is in the owner's hands *and* in its mailbox,
 * and whichever way it is met next (out of the mailbox, or on a list that the
 * mailbox's link has overwritten), its size word is not what it must be there. No
 * block is ever given out twice.
 *
 * A mark that is set at the same time as the owner frees would be overwritten by
 * its plain store. So before a stranger marks, it puts UNIT_EXACT into the span's
 * unit word and has the kernel pass a barrier through every thread; a free looks at
 * the unit word again after its store. From then on frees in that span swap.
 *
 * Locks, taken in this order: share, the classes by number, pages. A class's lock
 * guards its abandoned spans, every change of a unit word, and marks. Threads work
 * on their own caches without any. Nothing here is async-signal-safe.
 *
 * Which thread is this? RDFSBASE is the authority (record.h) but costs as much as
 * all the rest of an allocation. The hot paths take the thread pointer from
 * memory, at %fs:0, as a mere hint, and believe it only while the stack pointer,
 * a register, lies in the very STACK_WINDOW where RDFSBASE last found its thread.
 * ASSUMES: foreign code that forges a hint does not also make the host run on
 * another thread's stack (it could as well overwrite that stack's frames).
 *
 * Sources: [tcmalloc] page map, thread caches; [mimalloc] spans that threads own,
 * frees of strangers that are sent home.
 */
#ifndef GALEED_MPK_HEAP_H
#define GALEED_MPK_HEAP_H

#include "heap_lock.h"
#include "record.h"

#define PAGE_SHIFT 12
#define SPAN_BYTES 64           /* size and alignment of a descriptor */
#define STACK_WINDOW_SHIFT 16   /* 64 KiB: most threads stay in one or two of them */
#define SMALL_SHIFT 16
#define SMALL_BYTES (1u << SMALL_SHIFT) /* length and alignment of every small span */
#define SMALL_PAGES (SMALL_BYTES / MPK_PAGE_BYTES)
#define SMALL_MAX (MPK_PAGE_BYTES - 1) /* longest request that gets a block */
#define CLASSES 68
#define METADATA_PAGES 16       /* metadata memory is cut from runs of so many pages */
#define HINTS_SHIFT 10
#define HINTS (1u << HINTS_SHIFT)
#define POSTED_MOST 16          /* blocks that a thread collects before it posts them */
#define RUN_CACHE_LONGEST 512  /* pages of the longest run that a thread keeps */
#define RUN_CACHE_PAGES 1024    /* and how many pages it keeps in all */
#define RUN_BINS 77             /* _mpk_heap_bin(RUN_CACHE_LONGEST) + 1 */
#define EXACT_BINS 64           /* free runs of 1..64 pages: a bin for each length */
#define ZERO_BY_KERNEL_BYTES (1u << 20) /* from here on, dropping pages beats memset */
#define BINS (EXACT_BINS + 4 * 20) /* longer ones: four bins per doubling, to 2^26 pages */

#define SIZE_LIVE 0x8000u
#define SIZE_MARKED 0x4000u
#define SIZE_SENT 0x2000u       /* alone: freed by a stranger, its owner has not seen it yet */
#define SIZE_BYTES 0x0fffu

_Static_assert(1 << PAGE_SHIFT == MPK_PAGE_BYTES, "one page size");
_Static_assert(SMALL_MAX <= SIZE_BYTES, "a size word holds every small request");

enum span_kind {
    SPAN_SPARE,                 /* a descriptor that describes nothing */
    SPAN_FREE,                  /* a run that can be given out */
    SPAN_BUSY,                  /* given out, not yet (or no longer) an allocation */
    SPAN_SMALL,
    SPAN_LARGE,
    SPAN_RETIRED,               /* could not be taken back from foreign code: never reused */
    SPAN_METADATA,
    SPAN_GUARD,                 /* inaccessible: heap_guard.c */
};

struct span {
    /* Read by mpk_heap_find without a lock; stable while anything on the span is live. */
    _Atomic uintptr_t start;
    _Atomic uint32_t tag;       /* enum span_kind | class << 8 */
    uint32_t pages;
    struct span *next, *prev;   /* in a bin, in a class's list, or among the spares (next only) */
    /* mpk_heap_find may look at what was a large allocation a moment ago: what it reads
     * (bytes, marked, shared_pages) overlaps nothing that is not atomic. */
    union {
        struct {
            uint64_t large_bytes;
            uint32_t dirty;     /* at most so many of its pages hold old bytes; 0: all zero */
        } free;
        struct {
            uint64_t large_bytes;
            void *list;         /* free blocks, linked through their first word */
            _Atomic(uint32_t *) marks; /* one per block, made with the span's first mark */
            uint16_t fresh_from; /* blocks from here on were never handed out */
            uint16_t taken;     /* blocks that are live or cached */
        } small;
        struct {
            _Atomic size_t bytes; /* requested */
            uint32_t mark;
            uint16_t guarded;   /* 1: guards lie before and behind it */
            uint16_t grown;     /* 1: some realloc made it longer */
            _Atomic uint32_t marked;
            _Atomic uint32_t shared_pages; /* from start; 0: not shared */
            _Atomic uint16_t ahead; /* pages of the run that its lender counts as kept */
            uint16_t lender;    /* the cache's id, if ahead */
        } large;
        struct {
            uint32_t others[7]; /* all of the above */
            _Atomic uint32_t sharing; /* 1: somebody shares or has shared it; changes under the share lock */
        };
    };
};
_Static_assert(sizeof(struct span) <= SPAN_BYTES, "descriptors are one line each");

/* The lower half of a unit word is what has to be added to the address of a cache to
 * get to the bin, and twice that to get from struct heap to the class: the way from a
 * block to its bin is the longest dependency of an allocation and its release. The
 * upper half is the owner: its thread's slot plus one, or 0, with UNIT_EXACT. */
#define UNIT_CLASS 16
#define UNIT_OWNER_SHIFT 16
#define UNIT_EXACT 0x80000000u  /* strangers mark here: every free swaps */
_Static_assert(MPK_THREADS < UNIT_EXACT >> UNIT_OWNER_SHIFT, "every slot fits");

/* Constant after _mpk_heap_init; read on every path. */
struct size_class {
    _Alignas(32) uint32_t size;              /* bytes of a block */
    uint32_t reciprocal;        /* ceil(2^32 / size): offset / size is a multiply and a shift */
    uint32_t first;             /* offset of block 0 in the span: behind the size words */
    uint32_t extent;            /* size * capacity */
    uint16_t capacity;          /* blocks in a span */
    uint16_t batch;             /* blocks that move between a cache and the class at once */
};

/* Spans of one class and owner: those that have a block to give, and the others. */
struct span_lists {
    struct span *partial, *full;
};

/* A class's abandoned spans, and its mark arrays that wait for another use. */
struct central {
    _Alignas(64) struct heap_lock lock;
    struct span_lists abandoned;
    void *spare_marks;
};

struct cache_bin {              /* a stack of blocks with room for two batches */
    void **top;                 /* where the next one goes; top[-1] is NULL in an empty bin */
    void **end;                 /* top is less between operations */
};
struct chain {                  /* of blocks, by their first words */
    void *head, *tail;
    uint32_t count;
    uint32_t owner;             /* of all of their spans, when last looked at */
};
/* One per thread slot, used by its owner only, but for mail. Made once, never freed. */
struct cache {
    _Atomic uintptr_t owner;    /* FS base; 0: nobody. Lies where no class's bin is */
    _Atomic uintptr_t window;   /* stack pointer >> STACK_WINDOW_SHIFT, when last looked at */
    struct cache_bin bins[CLASSES];
    struct span_lists spans[CLASSES];
    struct chain posted;        /* strangers' blocks, not sent yet */
    uint32_t id;                /* slot plus one, as in unit words */
    uint32_t run_pages;         /* in all lists of runs */
    uint32_t last_run;          /* the list that was last put into */
    uint32_t growing;           /* 1: the last run freed was a buffer that had grown (heap_resize.c) */
    uint32_t idle_run_pages;    /* least run_pages since the last sweep (heap_sweep.c) */
    uint32_t spans_made;        /* since then */
    _Atomic uint32_t ahead_pages; /* lent to growing buffers before they need them; any thread subtracts */
    struct span *runs[RUN_BINS]; /* by _mpk_heap_bin; linked by next */
    void **seen_tops[CLASSES];  /* of the bins, at the last sweep */
    struct quarantine *quarantine; /* NULL: the heap has none (heap_harden.h) */
    _Alignas(64) _Atomic(void *) mail; /* a chain; MAIL_CLOSED while nobody would read it */
};
#define MAIL_CLOSED ((void *)1)

_Static_assert(sizeof(struct cache_bin) == UNIT_CLASS && offsetof(struct cache, bins) == UNIT_CLASS,
               "unit words lead to bins");
_Static_assert(sizeof(struct size_class) == 2 * UNIT_CLASS, "unit words lead to classes");

struct heap {
    struct size_class no_class; /* so that class and unit word agree; none */
    struct size_class classes[CLASSES];
    mpk_domain *domain;
    uintptr_t base;             /* of the domain */
    size_t bytes;               /* of the domain */
    _Atomic uint32_t *map;
    _Atomic uint32_t *units;    /* the unit map */
    uintptr_t first_unit;       /* base >> SMALL_SHIFT */
    size_t unit_count;
    /* By (bytes + 8) / 8, the lower half of a unit word; for alignments up to 8, and 16. */
    uint16_t unit_for[MPK_PAGE_BYTES / 8 + 1];
    uint16_t unit_for_16[MPK_PAGE_BYTES / 8 + 1];
    uint32_t new_exact;         /* UNIT_EXACT if the kernel has no barrier for us, else 0 */
    _Atomic uint32_t large_exact; /* not 0: large allocations are marked, resizes look (heap_find.c) */
    struct central centrals[CLASSES];
    struct heap_lock share;     /* serialises mpk_heap_share */

    _Alignas(64) struct heap_lock pages; /* guards everything below but cache */
    _Alignas(SPAN_BYTES) struct span metadata; /* descriptor of every metadata page */
    uintptr_t low, high;        /* runs lie in [low, high) */
    struct span *spare;         /* descriptors without a use */
    uint32_t spares;
    uintptr_t bump, bump_end;   /* metadata memory not yet cut */
    size_t free_pages, dirty_pages; /* in free runs; the second an upper bound */
    size_t purge_at;            /* dirty_pages that make it give memory back */
    int64_t purge_after_ms;     /* but not before then (the kernel's monotonic clock) */
    _Atomic uint32_t sweepers;  /* nor while a thread that needs more sweeps (heap_sweep.c) */
    uint64_t bin_map[(BINS + 63) / 64];
    struct span *bins[BINS];
    uint32_t parts;             /* of hardening (mpk_heap.h) */
    _Atomic uint64_t secret;    /* where random states come from */
    size_t limit_pages;         /* most that may be in use; SIZE_MAX: no limit */
    size_t metadata_pages;
    _Atomic uint32_t debug_steps; /* operations so far, with MPK_HEAP_DEBUG 2 (heap_debug.h) */
    struct cache *caches[MPK_THREADS]; /* by slot, each written by its owner only */
    _Atomic(struct cache *) hints[HINTS]; /* by hint_index: whose cache was it last? */
};

#include "heap_address.h"

/* ---- heap_cache.c ---------------------------------------------------------- */

/* The calling thread's cache, made if it has none; and its window moves to where
 * the stack is now. NULL: no memory. */
struct cache *_mpk_heap_adopt(struct heap *heap);
/* Empties a cache and abandons its spans. pre: the caller owns it. */
void _mpk_heap_cache_drop(struct heap *heap, struct cache *cache);

static inline uint32_t hint_index(uintptr_t fs_base) {
    return (uint32_t)((uint64_t)fs_base * 0x9E3779B97F4A7C15u >> (64 - HINTS_SHIFT)); /* stacks lie MiB apart */
}

/* The calling thread's cache if the hint can be believed, else NULL. */
static inline struct cache *hinted_cache(const struct heap *heap) {
    uintptr_t hint, stack;
    __asm__ volatile("movq %%fs:0, %0\n\tmovq %%rsp, %1" : "=r"(hint), "=r"(stack));
    struct cache *cache = atomic_load_explicit(&heap->hints[hint_index(hint)], memory_order_relaxed);
    return LIKELY(cache && atomic_load_explicit(&cache->owner, memory_order_relaxed) == hint &&
                  atomic_load_explicit(&cache->window, memory_order_relaxed) == stack >> STACK_WINDOW_SHIFT)
               ? cache : NULL;
}

static inline struct cache *own_cache(struct heap *heap) {
    struct cache *cache = hinted_cache(heap);
    return cache ? cache : _mpk_heap_adopt(heap);
}

/* ---- heap_class.c ---------------------------------------------------------- */

void _mpk_heap_classes_init(struct heap *heap);
/* Moves up to a batch from the cache's own spans into the bin; others are adopted or
 * made if need be. false: no memory. */
bool _mpk_heap_refill(struct heap *heap, struct cache *cache, uint32_t class_);
/* Moves the count longest unused blocks of the bin back. pre: the bin has count. */
void _mpk_heap_flush(struct heap *heap, struct cache *cache, uint32_t class_, uint32_t count);
/* The block's size word is 0 and it is in nobody's hands. lists: of the span's owner.
 * locked: those are the abandoned ones, and the caller has the class's lock. */
void _mpk_heap_give_block(struct heap *heap, struct span_lists *lists, struct span *span, void *block,
                          bool locked);
/* Every abandoned span that is empty goes back. */
void _mpk_heap_class_reclaim(struct heap *heap, uint32_t class_);
/* All of the bin goes back, and with it a span that is empty then. */
void _mpk_heap_class_trim(struct heap *heap, struct cache *cache, uint32_t class_);
/* All spans of a cache become nobody's. pre: its bins are empty. */
void _mpk_heap_abandon(struct heap *heap, struct cache *cache);
/* A span that was left behind, at any point of an operation: its lists and counts
 * are made again from its size words. Then it is abandoned. pre: nobody else runs. */
void _mpk_heap_span_rebuild(struct heap *heap, struct span *span);

/* ---- heap_mail.c ----------------------------------------------------------- */

/* Sends a block home. pre: its size word is SIZE_SENT, by the caller. cache: the
 * caller's, or NULL. */
void _mpk_heap_send(struct heap *heap, struct cache *cache, void *block);
/* Sends what the cache has collected. */
void _mpk_heap_post(struct heap *heap, struct cache *cache);
/* Takes home what was sent. */
void _mpk_heap_read_mail(struct heap *heap, struct cache *cache);
/* From now on nothing more is sent here; what was is given to the classes. pre: the
 * cache owns no span any more. */
void _mpk_heap_close_mail(struct heap *heap, struct cache *cache);
_Noreturn void _mpk_heap_damaged(const void *block);

/* ---- heap_pages.c ---------------------------------------------------------- */

/* A run as SPAN_BUSY, every page of it in the map. *zero: its pages are all zero.
 * align: in bytes, a power of two. NULL: no memory. */
struct span *_mpk_heap_run_alloc(struct heap *heap, size_t pages, size_t align, bool *zero);
void _mpk_heap_run_free(struct heap *heap, struct span *span);
/* Both in place. resize up: false when what follows is not free. Down: false
 * when there is no descriptor for the rest; the run stays as it was. */
bool _mpk_heap_run_extend(struct heap *heap, struct span *span, size_t pages);
bool _mpk_heap_run_trim(struct heap *heap, struct span *span, size_t pages);
/* Cuts a run that is not free in two; returns the second, SPAN_BUSY. NULL: no
 * descriptor for it. */
struct span *_mpk_heap_run_split(struct heap *heap, struct span *span, size_t pages);
/* The bin of a free run, and the list of a cached one. */
static inline uint32_t _mpk_heap_bin(size_t pages) {
    if (pages <= EXACT_BINS)
        return (uint32_t)pages - 1;
    uint32_t log = 63 - (uint32_t)__builtin_clzl(pages);
    uint32_t bin = EXACT_BINS + (log - 6) * 4 + (uint32_t)((pages >> (log - 2)) & 3);
    return bin < BINS ? bin : BINS - 1;
}
/* Pages that are not in free runs. pre: the pages lock is held. */
static inline size_t used_pages(const struct heap *heap) {
    return ((heap->high - heap->low) >> PAGE_SHIFT) - heap->free_pages;
}
/* Metadata memory, zero, aligned to 64. NULL: no memory. */
void *_mpk_heap_metadata(struct heap *heap, size_t bytes);

/* ---- heap_runs.c ------------------------------------------------------------ */

/* The calling thread's cache of runs. NULL: it has none of that length. */
struct span *_mpk_heap_cached_run(struct cache *cache, size_t pages);
/* The run put here last, or NULL if too short; its pages ahead of need stay counted. */
struct span *_mpk_heap_run_ahead(struct cache *cache, size_t pages);
/* They no longer are: whoever has the allocation says so, at most once. */
void _mpk_heap_ahead_end(struct heap *heap, struct span *span);
/* false: too long to be kept, or too much is kept already. */
bool _mpk_heap_cache_run(struct heap *heap, struct cache *cache, struct span *span);
/* Gives as many pages back as lay idle since the last time. */
void _mpk_heap_trim_runs(struct heap *heap, struct cache *cache);
/* Gives all back. pre: the caller owns the cache, or nobody does any more. */
void _mpk_heap_cache_drop_runs(struct heap *heap, struct cache *cache);

/* ---- heap_sweep.c ----------------------------------------------------------- */

/* Before the thread makes a small span. pre: it owns the cache. */
void _mpk_heap_sweep(struct heap *heap, struct cache *cache);

/* ---- heap_large.c ---------------------------------------------------------- */

void *_mpk_heap_large_alloc(struct heap *heap, size_t bytes, size_t align, bool zero);
/* For a buffer that grows: the run the thread has at hand, or NULL. */
void *_mpk_heap_large_ahead(struct heap *heap, size_t bytes);
void _mpk_heap_large_free(struct heap *heap, struct span *span);
/* Tells the layer above if it has a mark. */
void _mpk_heap_large_resized(struct heap *heap, struct span *span, size_t old, size_t bytes);
static inline void large_set_bytes(struct heap *heap, struct span *span, size_t bytes) {
    size_t old = atomic_load_explicit(&span->large.bytes, memory_order_relaxed);
    atomic_store_explicit(&span->large.bytes, bytes, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst); /* the other half is may_mark_large's barrier */
    if (UNLIKELY(atomic_load_explicit(&heap->large_exact, memory_order_relaxed)))
        _mpk_heap_large_resized(heap, span, old, bytes);
}
/* In place; false when it must move. */
bool _mpk_heap_large_resize(struct heap *heap, struct span *span, size_t bytes);

/* ---- heap_fork.c, heap_check.c ---------------------------------------------- */

/* fork.c's handlers, as far as domains and heaps go. */
void _mpk_heap_fork_prepare(void);
void _mpk_heap_fork_parent(void);
void _mpk_heap_fork_child(void);
/* heap_find.c: tries the barrier that marks of strangers need. */
void _mpk_heap_barrier_init(struct heap *heap);
/* mpk_heap_check and more: the caches of all threads, and that no block is lost.
 * pre: no other thread is inside the heap. */
int _mpk_heap_check_quiet(mpk_domain *domain);

#endif
