/* vkey_table.c - from a virtual key to its group, in one or two cache misses.
 *
 * Invariants: groups never move; the index (open addressing, linear probing) holds
 * 1 + group, 0 for a place that was never used, TOMB for one whose group is gone.
 * It changes under the lock only. A reader without the lock believes an entry when
 * the group itself has the name, and takes a miss as a reason to ask again under
 * the lock (rebuilding the index makes such misses).
 */
#include "vkey.h"

#define TOMB UINT32_MAX
#define TOMBS_MOST (VKEY_INDEX_PLACES / 4) /* then the index is built anew */

static _Atomic uint32_t *index_place(uint32_t place) {
    return (_Atomic uint32_t *)(MPK_PUBLISHED_BASE + VKEY_INDEX_OFFSET) + place % VKEY_INDEX_PLACES;
}

int _mpk_vkey_find(int vkey) {
    uint32_t name = (uint32_t)vkey + 1, first = _mpk_vkey_place(name);
    if (vkey < 0) return -1;
    for (uint32_t probes = 0; probes < VKEY_INDEX_PLACES; probes++) {
        uint32_t entry = atomic_load_explicit(index_place(first + probes), memory_order_relaxed);
        if (!entry) return -1;
        if (entry != TOMB &&
            atomic_load_explicit(&VKEY_GROUP(entry - 1)->name, memory_order_acquire) == name)
            return (int)entry - 1;
    }
    return -1;
}

static void enter(uint32_t name, uint32_t group) {
    uint32_t place = _mpk_vkey_place(name);
    for (;; place++) {
        uint32_t entry = atomic_load(index_place(place));
        if (entry == TOMB) VKEYS->tombs--;
        else if (entry) continue;
        atomic_store(index_place(place), group + 1);
        return;
    }
}

static void rebuild(void) {
    for (uint32_t place = 0; place < VKEY_INDEX_PLACES; place++) atomic_store(index_place(place), 0);
    VKEYS->tombs = 0;
    for (uint32_t i = 0; i < VKEYS->high; i++)
        if (atomic_load(&VKEY_GROUP(i)->name)) enter(atomic_load(&VKEY_GROUP(i)->name), i);
}

int _mpk_vkey_insert(int vkey, const struct vkey_group *group) {
    struct vkeys *keys = VKEYS;
    uint32_t index = keys->high;
    if (keys->groups == MPK_GROUPS) return -1;
    if (keys->groups < keys->high) /* one was removed; the highest are tried first, as they are warm */
        while (atomic_load(&VKEY_GROUP(--index)->name)) continue;
    else keys->high++;
    struct vkey_group *place = VKEY_GROUP(index);
    *place = *group;
    keys->groups++;
    atomic_store(&place->name, (uint32_t)vkey + 1);
    enter((uint32_t)vkey + 1, index);
    return (int)index;
}

void _mpk_vkey_remove(int index) {
    uint32_t place = _mpk_vkey_place(atomic_load(&VKEY_GROUP(index)->name));
    while (atomic_load(index_place(place)) != (uint32_t)index + 1) place++;
    atomic_store(&VKEY_GROUP(index)->name, 0);
    atomic_store(index_place(place), TOMB);
    VKEYS->groups--;
    if ((uint32_t)index + 1 == VKEYS->high) VKEYS->high--;
    if (++VKEYS->tombs > TOMBS_MOST) rebuild();
}

int _mpk_vkey_at(uintptr_t address) {
    for (uint32_t i = 0; i < VKEYS->high; i++) {
        const struct vkey_group *group = VKEY_GROUP(i);
        if (atomic_load(&group->name) && address - group->base < group->bytes) return (int)i;
    }
    return -1;
}
