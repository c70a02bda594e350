/* vkey.h - what the files of virtual keys share: where their state lies, and the
 * rules by which it changes.
 *
 * Terms. A group is *resident* while its pages carry a hardware key of its own
 * and *waiting* otherwise. A thread *pins* a key from its first mpk_begin on the
 * group that has it to the matching mpk_end. A key's *bits* are what every host
 * thread that does not pin it has in its PKRU.
 *
 * Invariants (pku):
 *  - a pinned key stays with its group;
 *  - before a group's pages get a key, no thread can have more of that key than
 *    its bits say, and these are the group's process-wide rights (vkey_sync.c);
 *  - the pages of a waiting group say its process-wide rights by themselves:
 *    PROT_NONE, or under one of two shared keys: *idle* is open in every host
 *    thread, *execute* is closed in every thread. All keys of ours are closed in
 *    foreign code, whatever GALEED_FOREIGN_RIGHTS says of domains.
 * Everything lies in the published range. A thread's own entry is written by that
 * thread with plain stores; all else under the lock on extents.
 *
 * begin and eviction: begin stores its pin, then looks at the group's key again;
 * eviction takes the key away, makes every CPU pass a barrier, then looks at the
 * pins. So the hit pays for no barrier [membarrier(2)].
 *
 * Attacker: can read all of this, write none of it.
 * ASSUMES: foreign code that forges the thread pointer in memory does not also
 * make the host run on another thread's stack, as in heap.h; nor does it forge
 * libc's __libc_single_threaded while a thread lives that never called us, nor
 * is such a thread made by clone(2) around libc after mpk_init.
 *
 * Source: [libmpk].
 */
#ifndef GALEED_MPK_VKEY_H
#define GALEED_MPK_VKEY_H

#include <sys/mman.h>
#include <sys/single_threaded.h>
#include "mpk_harden.h"
#include "mpk_keys.h"
#include "host_pkru.h"
#include "prim.h"
#include "record.h"

#define VKEY_HARDWARE 16
#define VKEY_INDEX_BITS 15 /* twice MPK_GROUPS places */
#define VKEY_INDEX_PLACES (1u << VKEY_INDEX_BITS)
#define VKEY_TASKS 16384   /* places for kernel thread ids; four times MPK_THREADS */
_Static_assert(VKEY_INDEX_PLACES == 2 * MPK_GROUPS, "the index is never more than half full");

struct vkey_group {
    _Alignas(64) _Atomic uint32_t name; /* virtual key + 1; 0: free */
    _Atomic uint8_t key;       /* hardware key of a resident group; 0: it waits */
    uint8_t ceiling;           /* PROT_*: what mpk_mmap was given */
    _Atomic uint8_t process;   /* PROT_*: by mpk_mprotect */
    _Atomic uint8_t placed;    /* mprotect: PROT_* of the pages when memory is open */
    uintptr_t base;
    size_t bytes;
    uint32_t readers, writers; /* mprotect: threads whose newest begin is READ, or READ|WRITE */
    uint32_t last;             /* clock of the last use that is known */
    uint32_t open_place;       /* mprotect: 1 + place in the list of open groups; 0 none */
    uint32_t has_heap;
    uint64_t rover;            /* vkey_heap.c: where the next search begins, in granules */
};
_Static_assert(sizeof(struct vkey_group) == 64, "a cache line");

/* One per thread record, same slot. */
struct vkey_thread {
    _Atomic uint8_t pins[VKEY_HARDWARE];   /* pku: open begins by key */
    uint32_t last[VKEY_HARDWARE];          /* pku: clock of the last begin by key */
    uint64_t levels[VKEY_HARDWARE];        /* pku: bit 0: newest begin may write; bit 1: the one before.. */
    uint64_t hits;
    uint32_t depth;                        /* entries of order */
    uint32_t place;                        /* 1 + place in vkeys.active; 0: not there yet */
    uint32_t order[MPK_BEGIN_DEPTH];       /* open begins, oldest first: see _mpk_vkey_entry */
};
/* An open begin. With its hardware key: while eviction looks whether it may take a key away,
 * the group does not say which that is. */
static inline uint32_t _mpk_vkey_entry(int index, int key, bool may_write) {
    return (uint32_t)index << 5 | (uint32_t)key << 1 | may_write;
}
static inline int _mpk_vkey_entry_group(uint32_t entry) { return (int)(entry >> 5); }
static inline int _mpk_vkey_entry_key(uint32_t entry) { return (int)(entry >> 1 & (VKEY_HARDWARE - 1)); } /* mprotect: 0 */
static inline bool _mpk_vkey_entry_writes(uint32_t entry) { return entry & 1; }
#define VKEY_THREAD_BYTES 512
_Static_assert(sizeof(struct vkey_thread) <= VKEY_THREAD_BYTES, "fits its place");

/* A kernel thread as the last look at /proc/self/task saw it. */
struct vkey_task {
    _Atomic int32_t id;        /* 0: never used; -1: ended */
    uint32_t seen;             /* number of the look */
    _Atomic uint32_t answered; /* round; 0: never, its PKRU is unknown */
    _Atomic uint32_t verdict;  /* enum vkey_verdict, of that round */
    uint32_t asked;            /* round of the last signal */
};
enum vkey_verdict { VKEY_SURE, VKEY_AGAIN, VKEY_DOUBTFUL };

#define VKEY_UNKNOWN 4 /* bits of a key that just came from the kernel */

struct vkeys {
    _Atomic uint32_t started;
    _Atomic uint32_t threaded;          /* more than one thread was seen once */
    _Atomic uint32_t clock;             /* advances with every miss */
    _Atomic uint32_t pool;              /* bit k: key k is ours: of groups, idle or execute */
    _Atomic uint8_t bits[VKEY_HARDWARE];
    uint32_t holder[VKEY_HARDWARE];     /* 1 + group; 0: nobody's */
    int idle, execute;                  /* the shared keys; 0: not taken yet */
    _Atomic uint32_t wait_ms;
    double rate, due;                   /* evict_rate; what has gathered of it */
    int signal_number;
    uint32_t groups, high;              /* live; 1 + highest index ever */
    uint32_t tombs;                     /* dead places of the index */
    uint32_t open_count;                /* mprotect */
    uint32_t threads;                   /* besides the one that looked last */
    uint32_t look, live;                /* vkey_tasks.c */
    _Atomic uint32_t round;             /* vkey_sync.c: the broadcast in progress, or the last */
    uint32_t sync_key, sync_from, sync_to;
    uint64_t dead_hits, hits_of_mprotect, misses, evictions, syncs, fallbacks;
    uint32_t active_count;
    uint16_t active[MPK_THREADS];       /* slots of threads that use virtual keys */
};

/* Places in the published range. */
#define VKEY_INDEX_OFFSET (MPK_KEYS_OFFSET + 0x00010000)
#define VKEY_GROUPS_OFFSET (MPK_KEYS_OFFSET + 0x00100000)
#define VKEY_THREADS_OFFSET (MPK_KEYS_OFFSET + 0x00200000)
#define VKEY_TASKS_OFFSET (MPK_KEYS_OFFSET + 0x00400000)
#define VKEY_LIVE_OFFSET (MPK_KEYS_OFFSET + 0x00480000)
#define VKEY_OPEN_OFFSET (MPK_KEYS_OFFSET + 0x00500000)
_Static_assert(sizeof(struct vkeys) <= 0x10000 && VKEY_INDEX_PLACES * 4 <= 0xf0000 &&
               MPK_GROUPS * 64 <= 0x100000 && MPK_THREADS * VKEY_THREAD_BYTES <= 0x200000 &&
               VKEY_TASKS * sizeof(struct vkey_task) <= 0x80000, "the tables fit");

#define VKEYS ((struct vkeys *)(MPK_PUBLISHED_BASE + MPK_KEYS_OFFSET))
#define VKEY_GROUP(index) ((struct vkey_group *)(MPK_PUBLISHED_BASE + VKEY_GROUPS_OFFSET) + (index))

static inline struct vkey_thread *_mpk_vkey_thread_at(uint32_t slot) {
    return (struct vkey_thread *)(MPK_PUBLISHED_BASE + VKEY_THREADS_OFFSET + (uintptr_t)slot * VKEY_THREAD_BYTES);
}
/* The same by the record, without a load. */
static inline struct vkey_thread *_mpk_vkey_thread_of(const struct thread_record *record) {
    return _mpk_vkey_thread_at((uint32_t)(((uintptr_t)record - MPK_RECORDS_BASE) / MPK_RECORD_BYTES));
}
static inline bool _mpk_vkey_is_pku(void) { return MPK_RUNTIME->backend == MPK_BACKEND_PKU; }
/* Part SYSCALLS of mpk_harden: no page changes its key any more, and no key comes or goes. */
static inline bool _mpk_vkeys_frozen(void) {
    return _mpk_vkey_is_pku() && atomic_load(&MPK_RUNTIME->hardened) & MPK_HARDEN_SYSCALLS;
}
bool _mpk_vkeys_settled(void); /* vkey_key.c: nor does a key change hands; see there */
static inline bool _mpk_vkeys_started(void) {
    return _mpk_started.started && atomic_load_explicit(&VKEYS->started, memory_order_relaxed);
}
/* Is the caller the process's only thread? Costs no system call; false is always safe. */
static inline bool _mpk_vkey_single(void) {
    return __libc_single_threaded && !atomic_load_explicit(&VKEYS->threaded, memory_order_relaxed);
}
static inline uint8_t _mpk_vkey_bits_of(int prot) {
    return prot & PROT_WRITE ? 0 : prot & PROT_READ ? PKRU_WRITE_DISABLE : PKRU_BOTH;
}
static inline uint8_t _mpk_vkey_begun_bits(const struct vkey_thread *thread, int key) {
    return thread->levels[key] & 1 ? 0 : PKRU_WRITE_DISABLE;
}

/* vkey_table.c. Index of the group, or -1. Without the lock a group may be missed
 * that is there, never the other way round. */
static inline uint32_t _mpk_vkey_place(uint32_t name) {
    return (name * 0x9E3779B1u) >> (32 - VKEY_INDEX_BITS);
}
int _mpk_vkey_find(int vkey);
/* The same, nearly always by its first probe. */
static inline int _mpk_vkey_find_at_once(int vkey) {
    uint32_t name = (uint32_t)vkey + 1;
    const _Atomic uint32_t *first = (const _Atomic uint32_t *)(MPK_PUBLISHED_BASE + VKEY_INDEX_OFFSET);
    uint32_t index = atomic_load_explicit(first + _mpk_vkey_place(name), memory_order_relaxed) - 1;
    if (likely(index < MPK_GROUPS && vkey >= 0 &&
               atomic_load_explicit(&VKEY_GROUP(index)->name, memory_order_acquire) == name))
        return (int)index;
    return _mpk_vkey_find(vkey);
}
int _mpk_vkey_insert(int vkey, const struct vkey_group *group); /* index, or -1: full. pre: lock */
void _mpk_vkey_remove(int index);                                /* pre: lock */
int _mpk_vkey_at(uintptr_t address);                             /* the group whose pages hold it */

/* vkey_key.c. All under the lock; pku. */
int _mpk_vkey_load(int index);        /* makes it resident. errors: ENOKEY, EPINNED, ENOMEM, EKERNEL, EHARDEN */
/* Makes it wait with its process-wide rights. errors: EPINNED, ENOKEY, EKERNEL, EHARDEN: it is as it was. */
int _mpk_vkey_unload(int index);
/* Takes the key from a group that nobody pins; false: somebody does. */
bool _mpk_vkey_take_key(int index);
bool _mpk_vkey_is_pinned(int key);    /* by any thread; a guess unless the key was taken */
/* Takes the shared key that waiting groups with these rights need. errors: ENOKEY, EPINNED. */
int _mpk_vkey_reserve(int prot);
/* Gives pages of a waiting group the key and protection of its process-wide rights. */
int _mpk_vkey_settle(int index);

/* vkey_sync.c. pku. */
int _mpk_vkey_sync_start(void);
/* Gives every host thread that does not pin the key these bits.
 * errors: EPINNED: a thread that may have more did not answer, or not for sure;
 * nobody has more than before, some may have less (the fault handler grants). */
int _mpk_vkey_set_bits(int key, uint8_t bits);
void _mpk_vkey_fix_self(void);        /* the calling thread's PKRU as the tables say */
uint32_t _mpk_vkey_due(const struct vkey_thread *thread, uint32_t pkru);
void _mpk_vkey_fix_saved(struct thread_record *record, const struct vkey_thread *thread);

/* vkey_pages.c: mprotect. pre: lock. */
int _mpk_vkey_apply(int index);       /* pages as begins and process-wide rights together say */
void _mpk_vkey_unlist(int index);     /* before its pages go */
void _mpk_vkey_count(int index, bool may_write, int by);

/* vkey.c: starts virtual keys. errors: those of mpk_init. */
int _mpk_vkeys_init(void);

/* vkey_begin.c: ends begins until depth are left; by fork, pthread_exit and mpk_try. */
void _mpk_vkey_end_to(struct vkey_thread *thread, uint32_t depth);
/* The calling thread's entry, made on demand. pre: host. NULL: never used. */
struct vkey_thread *_mpk_vkey_own(void);
/* The newest begin of the thread on the group: PROT_*, or -1 none. */
int _mpk_vkey_begun(const struct vkey_thread *thread, int index);

#endif
