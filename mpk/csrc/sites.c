/* sites.c - see mpk_sites.h.
 *
 * Two tables in the host domain, each direct-mapped by a key: *born*, from the base of a live
 * allocation to where it was made; *dead*, from what ended to where it was made and where it
 * ended. What ended is an allocation, by its base, or a lease, by a key of the layer above.
 *
 * Invariants:
 *  - an entry speaks of the latest allocation at its base: what is allocated there anew
 *    replaces or removes both;
 *  - a slot's turn is odd while it is written. Nobody waits: who finds it odd has nothing to
 *    read, or does not write. So a report, in whatever handler, takes no lock.
 *
 * Source: [Itanium C++ ABI: Exception Handling] for the walk.
 */
#include <string.h>
#include <unwind.h>
#include "record.h"
#include "sites.h"

/* A program without an unwinder has the innermost frame alone. */
#pragma weak _Unwind_Backtrace
#pragma weak _Unwind_GetIPInfo
#pragma weak _Unwind_GetCFA

/* mpk/rust/src/ffi_sites.rs declares them too. */
_Static_assert(sizeof(struct mpk_site) == 200 && sizeof(struct mpk_sites) == 400, "layout of mpk_sites.h");

#define BORN_BITS 16
#define DEAD_BITS 14
#define GOLDEN 0x9E3779B97F4A7C15u /* 2^64 divided by the golden ratio */

struct slot {
    _Atomic uint64_t turn;
    _Atomic uint64_t key; /* 0: empty */
};
struct born { struct slot slot; struct mpk_site allocated; };
struct dead { struct slot slot; struct mpk_sites sites; };
struct sites {
    struct born born[1 << BORN_BITS];
    struct dead dead[1 << DEAD_BITS];
};

int _mpk_sites_start(mpk_domain *domain) {
    if (MPK_RUNTIME->site_level == MPK_SITES_OFF) return 0;
    MPK_RUNTIME->sites = mpk_domain_private(domain, sizeof(struct sites));
    return MPK_RUNTIME->sites ? 0 : MPK_ENOMEM;
}

enum mpk_site_level mpk_site_level(void) { return (enum mpk_site_level)MPK_RUNTIME->site_level; }

/* ---- Slots. ---------------------------------------------------------------- */

static struct born *born_of(uint64_t key) { return &MPK_RUNTIME->sites->born[(key * GOLDEN) >> (64 - BORN_BITS)]; }
static struct dead *dead_of(uint64_t key) { return &MPK_RUNTIME->sites->dead[(key * GOLDEN) >> (64 - DEAD_BITS)]; }

/* The slot's data begins behind it. key 0: empties it. */
static void put(struct slot *slot, uint64_t key, const void *data, size_t bytes) {
    uint64_t turn = atomic_load_explicit(&slot->turn, memory_order_relaxed);
    if (turn & 1 || !atomic_compare_exchange_strong(&slot->turn, &turn, turn + 1)) return;
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&slot->key, key, memory_order_relaxed);
    if (key) memcpy(slot + 1, data, bytes);
    atomic_store_explicit(&slot->turn, turn + 2, memory_order_release);
}

static bool get(const struct slot *slot, uint64_t key, void *data, size_t bytes) {
    uint64_t turn = atomic_load_explicit(&slot->turn, memory_order_acquire);
    if (turn & 1 || atomic_load_explicit(&slot->key, memory_order_relaxed) != key) return false;
    memcpy(data, slot + 1, bytes);
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&slot->turn, memory_order_relaxed) == turn;
}

static void forget(struct slot *slot, uint64_t key) {
    if (atomic_load_explicit(&slot->key, memory_order_relaxed) == key) put(slot, 0, NULL, 0);
}

static bool get_born(uint64_t base, struct mpk_site *out) { return get(&born_of(base)->slot, base, out, sizeof *out); }
static bool get_dead(uint64_t key, struct mpk_sites *out) { return get(&dead_of(key)->slot, key, out, sizeof *out); }

/* ---- The walk. -------------------------------------------------------------- */

struct walk {
    struct mpk_site *site;
    uintptr_t end; /* where foreign frames begin; 0: none does */
};

static _Unwind_Reason_Code step(struct _Unwind_Context *context, void *argument) {
    struct walk *walk = argument;
    int before = 0;
    uintptr_t pc = _Unwind_GetIPInfo(context, &before), frame = _Unwind_GetCFA(context);
    if (!pc || walk->site->count == MPK_SITE_FRAMES) return _URC_END_OF_STACK;
    if (walk->end && frame > walk->end) return _URC_END_OF_STACK;
    walk->site->frames[walk->site->count++] = before ? pc : pc - 1; /* in the call, not behind it */
    return _URC_NO_REASON;
}

/* In a callback only what lies below its gate is the host's. */
static void walk(struct mpk_site *site, uintptr_t innermost) {
    static _Thread_local bool walking; /* an unwinder that allocates from us is not asked again */
    const struct thread_record *record = _mpk_thread();
    struct walk walk = {site, record->depth ? record->frames[record->depth - 1].token : 0};
    *site = (struct mpk_site){.thread = record->thread_id};
    if (_Unwind_Backtrace && _Unwind_GetIPInfo && _Unwind_GetCFA && !walking) {
        walking = true;
        _Unwind_Backtrace(step, &walk);
        walking = false;
    }
    if (!site->count) site->frames[site->count++] = innermost - 1;
}
#define HERE ((uintptr_t)__builtin_return_address(0))

/* One in MPK_SITE_SAMPLING, at uneven distances: a program's own rhythm is not followed. */
static bool is_wanted(void) {
    static _Thread_local uint32_t count;
    if (MPK_RUNTIME->site_level == MPK_SITES_FULL) return true;
    return (uint32_t)(++count * (uint32_t)(GOLDEN >> 32)) < UINT32_MAX / MPK_SITE_SAMPLING;
}

/* ---- What happens. ----------------------------------------------------------- */

void _mpk_site_born(const void *base) {
    uintptr_t key = (uintptr_t)base;
    struct mpk_site here;
    if (!base || !MPK_RUNTIME->sites) return;
    forget(&dead_of(key)->slot, key);
    if (!is_wanted()) {
        forget(&born_of(key)->slot, key);
        return;
    }
    walk(&here, HERE);
    put(&born_of(key)->slot, key, &here, sizeof here);
}

void _mpk_site_dies(const void *base) {
    uintptr_t key = (uintptr_t)base;
    struct mpk_sites sites;
    if (!base || !MPK_RUNTIME->sites || !get_born(key, &sites.allocated)) return;
    walk(&sites.ended, HERE);
    put(&dead_of(key)->slot, key, &sites, sizeof sites);
    forget(&born_of(key)->slot, key);
}

int mpk_site_here(uintptr_t base, struct mpk_site *here) {
    struct mpk_sites sites;
    if (!MPK_RUNTIME->sites) return 0;
    if (base && get_dead(base, &sites)) { /* it is being freed: by this call */
        *here = sites.ended;
        return 1;
    }
    if (base ? !get_born(base, here) : MPK_RUNTIME->site_level != MPK_SITES_FULL) return 0;
    walk(here, HERE);
    return 1;
}

/* Of an allocation that lives, or is being freed. */
static void find_born(uintptr_t base, struct mpk_site *out) {
    struct mpk_sites sites;
    if (base && get_born(base, out)) return;
    *out = (struct mpk_site){0};
    if (base && get_dead(base, &sites)) *out = sites.allocated;
}

void mpk_site_ended(uint64_t key, uintptr_t base, const struct mpk_site *here) {
    struct mpk_sites sites = {.ended = *here};
    if (!MPK_RUNTIME->sites) return;
    find_born(base, &sites.allocated);
    put(&dead_of(key)->slot, key, &sites, sizeof sites);
}

void _mpk_sites_find(const struct mpk_violation *violation, struct mpk_sites *out) {
    *out = (struct mpk_sites){0};
    if (!MPK_RUNTIME->sites) return;
    if (!violation->ended) find_born(violation->allocation, &out->allocated);
    else if (!get_dead(violation->ended, out)) *out = (struct mpk_sites){0};
}
