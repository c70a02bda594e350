/* vkey_key.c - which group has which hardware key (pku).
 *
 * Keys are taken from the kernel one by one, when a group needs one and none of
 * ours is free, and never given back: pages may carry them. When the kernel has
 * none left, the group that was begun least recently and that nobody has begun
 * now gives its key up. Age is counted in misses: a hit stores the count of the
 * misses so far in its thread's entry, which nobody else writes.
 *
 * Invariant: every function leaves each group either resident with its own key
 * or waiting with the protection of its process-wide rights, also when it fails.
 *
 * All under the lock on extents.
 *
 * Source: [libmpk] for the cache of keys; [membarrier(2)], [pkeys(7)].
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "vkey.h"
#include "vkey_hooks.h"

/* After SIGNALS no thread can be told that a key changes hands, after LANDLOCK none can be
 * looked up. Asked before a group gives up a key that nobody could take. */
bool _mpk_vkeys_settled(void) {
    uint32_t deaf = MPK_HARDEN_SIGNALS | MPK_HARDEN_LANDLOCK;
    if (_mpk_vkeys_frozen()) return true;
    if (!_mpk_vkey_is_pku() || _mpk_vkey_single()) return false;
    return atomic_load(&MPK_RUNTIME->hardened) & deaf || atomic_load(&MPK_RUNTIME->signals_end);
}

bool _mpk_vkey_is_pinned(int key) {
    for (uint32_t i = 0; i < VKEYS->active_count; i++)
        if (atomic_load(&_mpk_vkey_thread_at(VKEYS->active[i])->pins[key])) return true;
    return false;
}

/* Every thread has passed a barrier since its last instruction before this call. */
static void barrier_everywhere(void) {
    if (_mpk_vkey_single()) return;
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0))
        _mpk_fatal("membarrier failed (errno %d): no key can be taken from a group", errno);
}

bool _mpk_vkey_take_key(int index) {
    struct vkey_group *group = VKEY_GROUP(index);
    uint8_t key = atomic_load(&group->key);
    if (_mpk_vkey_is_pinned(key)) return false;
    atomic_store(&group->key, 0);
    barrier_everywhere();
    if (!_mpk_vkey_is_pinned(key)) return true;
    atomic_store(&group->key, key);
    return false;
}

/* A new key from the kernel, closed in every gate from now on. */
static int take_from_kernel(int *key) {
    struct runtime *runtime = MPK_RUNTIME;
    int error = _mpk_prim()->key_alloc(key);
    if (error) return error;
    uint64_t both = pkru_of_key(PKRU_BOTH, *key);
    atomic_store(&runtime->guarded, atomic_load(&runtime->guarded) | both << 32 | both);
    atomic_store(&VKEYS->bits[*key], VKEY_UNKNOWN);
    VKEYS->holder[*key] = 0;
    atomic_fetch_or(&VKEYS->pool, 1u << *key);
    return 0;
}

static uint32_t last_use(int key) {
    uint32_t last = VKEY_GROUP(VKEYS->holder[key] - 1)->last;
    for (uint32_t i = 0; i < VKEYS->active_count; i++) {
        uint32_t seen = _mpk_vkey_thread_at(VKEYS->active[i])->last[key];
        if ((int32_t)(seen - last) > 0) last = seen;
    }
    return last;
}

/* The unpinned group that was used least recently; 0: there is none. */
static int oldest_key(uint32_t refused) {
    int oldest = 0;
    uint32_t oldest_use = 0;
    for (int key = 1; key < VKEY_HARDWARE; key++) {
        if (!VKEYS->holder[key] || refused & 1u << key || _mpk_vkey_is_pinned(key)) continue;
        uint32_t use = last_use(key);
        if (oldest && (int32_t)(use - oldest_use) >= 0) continue;
        oldest = key;
        oldest_use = use;
    }
    return oldest;
}

/* pre: _mpk_vkey_reserve for these rights. */
int _mpk_vkey_settle(int index) {
    struct vkey_group *group = VKEY_GROUP(index);
    int prot = atomic_load(&group->process);
    int key = prot & PROT_EXEC ? VKEYS->execute : prot ? VKEYS->idle : 0;
    if (prot & PROT_EXEC) prot |= PROT_READ; /* of the pages; the key denies it */
    return _mpk_prim()->tag((void *)group->base, group->bytes, prot, key);
}

int _mpk_vkey_unload(int index) {
    struct vkey_group *group = VKEY_GROUP(index);
    uint8_t key = atomic_load(&group->key);
    if (_mpk_vkeys_frozen()) return MPK_EHARDEN;
    if (!_mpk_vkey_take_key(index)) return MPK_EPINNED;
    int error = _mpk_vkey_settle(index);
    if (error) {
        atomic_store(&group->key, key);
        return error;
    }
    group->last = last_use(key);
    VKEYS->holder[key] = 0;
    return 0;
}

/* A key that no page carries. */
static int evict(int *key) {
    uint32_t refused = 0;
    int error = 0;
    bool any = false;
    for (int i = 1; i < VKEY_HARDWARE; i++) any |= VKEYS->holder[i] != 0;
    while ((*key = oldest_key(refused)) != 0) {
        error = _mpk_vkey_unload((int)VKEYS->holder[*key] - 1);
        if (!error) {
            VKEYS->evictions++;
            return 0;
        }
        refused |= 1u << *key;
    }
    return error ? error : any ? MPK_EPINNED : MPK_ENOKEY;
}

/* A key of ours that nobody holds and that can be closed or opened as wanted. */
static bool take_free(int *key, uint8_t bits, int *error) {
    for (*key = 1; *key < VKEY_HARDWARE; ++*key) {
        bool is_free = atomic_load(&VKEYS->pool) & 1u << *key && !VKEYS->holder[*key] &&
                       *key != VKEYS->idle && *key != VKEYS->execute;
        if (!is_free) continue;
        *error = _mpk_vkey_set_bits(*key, bits);
        if (!*error) return true;
    }
    return false;
}

static int obtain(int *key, uint8_t bits) {
    int failure = 0;
    *key = 0;
    int chosen;
    if (take_free(&chosen, bits, &failure)) {
        *key = chosen;
        return 0;
    }
    int error = take_from_kernel(&chosen);
    if (error == MPK_ENOKEY) error = atomic_load(&VKEYS->pool) ? evict(&chosen) : MPK_ENOKEY;
    if (!error) error = _mpk_vkey_set_bits(chosen, bits);
    if (!error) *key = chosen;
    /* There are free keys, which some thread may still have rights on: not none at all. */
    return (error == MPK_EPINNED || error == MPK_ENOKEY) && failure ? failure : error;
}

static int shared_key(int *key, uint8_t bits) {
    if (*key) return 0;
    if (_mpk_vkeys_settled()) return MPK_EHARDEN;
    int error = obtain(key, bits);
    if (!error && bits == 0) /* the fault handler grants what a signal missed */
        MPK_RUNTIME->host_bits |= pkru_of_key(PKRU_BOTH, *key);
    return error;
}

int _mpk_vkey_reserve(int prot) {
    return prot & PROT_EXEC ? shared_key(&VKEYS->execute, PKRU_BOTH) : prot ? shared_key(&VKEYS->idle, 0) : 0;
}

int _mpk_vkey_load(int index) {
    struct vkey_group *group = VKEY_GROUP(index);
    int key, process = atomic_load(&group->process);
    if (_mpk_vkeys_settled()) return MPK_EHARDEN;
    atomic_fetch_add(&VKEYS->clock, 1);
    int error = obtain(&key, _mpk_vkey_bits_of(process));
    if (error) return error;
    int prot = (group->ceiling & (PROT_READ | PROT_WRITE)) | (process & PROT_EXEC);
    if (prot & PROT_EXEC) prot |= PROT_READ;
    error = _mpk_prim()->tag((void *)group->base, group->bytes, prot, key);
    if (error) return error;
    VKEYS->holder[key] = (uint32_t)index + 1;
    group->last = atomic_load(&VKEYS->clock);
    atomic_store(&group->key, (uint8_t)key);
    return 0;
}

int _mpk_vkey_give_up(int *key) {
    if (!_mpk_vkeys_started() || !atomic_load(&VKEYS->pool) || _mpk_vkeys_settled()) return MPK_ENOKEY;
    int failure = 0;
    if (!take_free(key, PKRU_BOTH, &failure)) {
        if (evict(key) || _mpk_vkey_set_bits(*key, PKRU_BOTH)) return MPK_ENOKEY;
    }
    atomic_fetch_and(&VKEYS->pool, ~(1u << *key));
    return 0;
}
