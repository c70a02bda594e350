/* vkey_rights.c - mpk_mprotect: rights of the whole process on one group.
 *
 * How a change reaches the threads (pku), cheapest first:
 *  - one thread, group resident: its PKRU; no system call;
 *  - many threads, small group that nobody has begun: the page tables, which are
 *    everybody's (the group waits from then on);
 *  - else a signal to each thread (vkey_sync.c); if a thread that may hold more
 *    than it should does not answer for sure, the page tables after all.
 *
 * Invariant: on return each thread has the new rights or, if an error is
 * returned, none has more than the old ones.
 *
 * Source: [libmpk]; the break-even is this machine class's figures: 50 ns a
 * page by pkey_mprotect, 5 to 8 us a thread by signal.
 */
#include "vkey.h"

#define PAGES_PER_SIGNAL 128 /* whose retagging costs as much as one thread's signal */

static bool signals_pay(const struct vkey_group *group) {
    return group->bytes / MPK_PAGE_BYTES >= (uint64_t)PAGES_PER_SIGNAL * (VKEYS->threads + 1);
}

/* By the page tables: the group waits. The rights are set already. */
static int by_pages(int index) {
    struct vkey_group *group = VKEY_GROUP(index);
    if (_mpk_vkeys_frozen()) return MPK_EHARDEN;
    return atomic_load(&group->key) ? _mpk_vkey_unload(index) : _mpk_vkey_settle(index);
}

/* The group is resident, and neither old nor new rights are PROT_EXEC. */
static int by_bits(int index, int prot) {
    struct vkey_group *group = VKEY_GROUP(index);
    int key = atomic_load(&group->key);
    bool alone = _mpk_vkey_single();
    if (!alone && !signals_pay(group) && !_mpk_vkey_is_pinned(key)) {
        int error = by_pages(index);
        if (error != MPK_EPINNED && error != MPK_EHARDEN) return error;
    }
    if (!_mpk_vkey_set_bits(key, _mpk_vkey_bits_of(prot))) return 0;
    VKEYS->fallbacks++;
    return by_pages(index);
}

/* PROT_EXEC comes or goes: that is in the page tables, whoever has begun it. */
static int by_exec(int index, int prot) {
    struct vkey_group *group = VKEY_GROUP(index);
    int key = atomic_load(&group->key);
    if (!key) return by_pages(index);
    int error = _mpk_vkey_unload(index);
    if (error != MPK_EPINNED) return error;
    error = _mpk_vkey_set_bits(key, _mpk_vkey_bits_of(prot));
    if (error) return error;
    int pages = (group->ceiling & (PROT_READ | PROT_WRITE)) | (prot & PROT_EXEC ? PROT_READ | PROT_EXEC : 0);
    return _mpk_prim()->tag((void *)group->base, group->bytes, pages, key);
}

/* Does this miss evict, as mpk_init's rate says? */
static bool miss_evicts(void) {
    VKEYS->misses++;
    VKEYS->due += VKEYS->rate;
    if (VKEYS->due < 1) return false;
    VKEYS->due -= 1;
    return true;
}

static int change(int index, int prot) {
    struct vkey_group *group = VKEY_GROUP(index);
    int had = atomic_load(&group->process), error;
    if (prot == had) return 0;
    error = _mpk_vkey_is_pku() ? _mpk_vkey_reserve(prot) : 0;
    if (error) return error;
    atomic_store(&group->process, (uint8_t)prot);
    if (!_mpk_vkey_is_pku()) {
        VKEYS->misses++;
        error = _mpk_vkey_apply(index);
    } else if ((prot | had) & PROT_EXEC) {
        error = by_exec(index, prot);
    } else if (atomic_load(&group->key)) {
        VKEYS->hits_of_mprotect++;
        error = by_bits(index, prot);
    } else {
        bool load = miss_evicts() && (_mpk_vkey_single() || signals_pay(group));
        error = load ? _mpk_vkey_load(index) : MPK_EPINNED;
        if (error == MPK_EPINNED || error == MPK_ENOKEY) error = by_pages(index);
    }
    if (!error) return 0;
    /* Back: who has lost something already gets it by the next signal or fault. */
    atomic_store(&group->process, (uint8_t)had);
    if (!_mpk_vkey_is_pku()) return error;
    if (atomic_load(&group->key)) (void)_mpk_vkey_set_bits(atomic_load(&group->key), _mpk_vkey_bits_of(had));
    return error;
}

int mpk_mprotect(int vkey, int prot) {
    if (!_mpk_vkeys_started()) return MPK_EVKEY;
    if (_mpk_prim()->is_closed()) _mpk_fatal("foreign code called mpk_mprotect");
    if (prot != PROT_NONE && prot != PROT_READ && prot != (PROT_READ | PROT_WRITE) && prot != PROT_EXEC)
        return MPK_EINVALID;
    _mpk_vkey_own();
    _mpk_extents_lock();
    int index = _mpk_vkey_find(vkey);
    int error = index < 0 ? MPK_EVKEY : prot & ~VKEY_GROUP(index)->ceiling ? MPK_EINVALID : change(index, prot);
    _mpk_extents_unlock();
    return error;
}
