/* vkey_heap.c - mpk_malloc and mpk_free: a heap inside a page group.
 *
 * Two bits for each GRANULE of 16 bytes, at the start of the group: *used*, and
 * *last* of its allocation. So an allocation can be as large as the group, frees
 * coalesce by themselves, and whether an address is the start of a live allocation
 * is known exactly: a double free, an interior or a made-up pointer is refused.
 *
 * Invariants: a granule that is last is used; the granules of the bits themselves
 * are used for ever. Both bits lie in the group: who has not begun it, foreign
 * code above all, cannot touch them. Rights stay as the caller had them.
 *
 * The lock is that of extents, so a fork finds the bits whole.
 *
 * Source: [libmpk] for the interface.
 */
#include <string.h>
#include "vkey.h"

#define GRANULE 16
#define WORD 64 /* granules that one word of bits describes */

struct bits { uint64_t *used, *last; size_t granules, first; };

static struct bits bits_of(const struct vkey_group *group) {
    size_t granules = group->bytes / GRANULE;
    uint64_t *used = (uint64_t *)group->base;
    size_t own = (2 * granules / 8 + MPK_PAGE_BYTES - 1) & ~(size_t)(MPK_PAGE_BYTES - 1);
    if (group->bytes == MPK_PAGE_BYTES) own = 2 * granules / 8; /* else nothing would be left */
    return (struct bits){used, used + granules / WORD, granules, own / GRANULE};
}

static bool is_set(const uint64_t *bits, size_t at) { return bits[at / WORD] >> at % WORD & 1; }

/* The first granule from at on whose bit is the value; end if there is none before. */
static size_t next(const uint64_t *bits, size_t at, size_t end, bool value) {
    while (at < end) {
        uint64_t word = (value ? bits[at / WORD] : ~bits[at / WORD]) >> at % WORD;
        if (word) {
            at += (size_t)__builtin_ctzll(word);
            return at < end ? at : end;
        }
        at = (at / WORD + 1) * WORD;
    }
    return end;
}

static void fill(uint64_t *bits, size_t from, size_t count, bool value) {
    while (count) {
        size_t shift = from % WORD, here = WORD - shift < count ? WORD - shift : count;
        uint64_t mask = (here == WORD ? ~(uint64_t)0 : ((uint64_t)1 << here) - 1) << shift;
        if (value) bits[from / WORD] |= mask;
        else bits[from / WORD] &= ~mask;
        from += here;
        count -= here;
    }
}

/* A run of free granules between from and end; 0: none. */
static size_t find_run(const struct bits *bits, size_t from, size_t end, size_t count) {
    while (from < end && end - from >= count) {
        size_t free = next(bits->used, from, end, false);
        if (end - free < count) return 0;
        size_t taken = next(bits->used, free, free + count, true);
        if (taken == free + count) return free;
        from = taken;
    }
    return 0;
}

/* The group, if the calling thread may use its heap now. pre: lock. */
static struct vkey_group *usable(int vkey, const struct vkey_thread *thread, int *error) {
    int index = _mpk_vkey_find(vkey);
    *error = MPK_EVKEY;
    if (index < 0) return NULL;
    struct vkey_group *group = VKEY_GROUP(index);
    int begun = _mpk_vkey_begun(thread, index);
    int rights = begun < 0 ? atomic_load(&group->process) : begun;
    *error = MPK_EINVALID;
    if (!(rights & PROT_WRITE)) return NULL;
    *error = 0;
    if (group->has_heap) return group;
    struct bits bits = bits_of(group);
    memset(bits.used, 0, 2 * bits.granules / 8); /* raw use before may have left something */
    fill(bits.used, 0, bits.first, true);
    fill(bits.last, bits.first - 1, 1, true);
    group->rover = bits.first;
    group->has_heap = 1;
    return group;
}

static struct vkey_thread *host_thread(const char *function) {
    if (_mpk_prim()->is_closed()) _mpk_fatal("foreign code called %s", function);
    return _mpk_vkey_own();
}

void *mpk_malloc(int vkey, size_t bytes) {
    int *error = mpk_keys_error();
    *error = MPK_EVKEY;
    if (!_mpk_vkeys_started()) return NULL;
    struct vkey_thread *thread = host_thread("mpk_malloc");
    size_t found = 0;
    _mpk_extents_lock();
    struct vkey_group *group = usable(vkey, thread, error);
    if (group) {
        struct bits bits = bits_of(group);
        size_t count = bytes ? bytes / GRANULE + (bytes % GRANULE != 0) : 1;
        found = find_run(&bits, group->rover, bits.granules, count);
        if (!found) found = find_run(&bits, bits.first, bits.granules, count);
        if (found) {
            fill(bits.used, found, count, true);
            fill(bits.last, found + count - 1, 1, true);
            group->rover = found + count;
        } else {
            *error = MPK_ENOMEM;
        }
    }
    void *result = found ? (void *)(group->base + found * GRANULE) : NULL;
    _mpk_extents_unlock();
    return result;
}

int mpk_free(int vkey, void *address) {
    if (!_mpk_vkeys_started()) return MPK_EVKEY;
    struct vkey_thread *thread = host_thread("mpk_free");
    int error;
    _mpk_extents_lock();
    struct vkey_group *group = usable(vkey, thread, &error);
    if (group && address) {
        struct bits bits = bits_of(group);
        uintptr_t offset = (uintptr_t)address - group->base;
        size_t at = offset / GRANULE;
        bool live = offset < group->bytes && offset % GRANULE == 0 && at >= bits.first && is_set(bits.used, at) &&
                    (!is_set(bits.used, at - 1) || is_set(bits.last, at - 1));
        if (live) {
            size_t end = next(bits.last, at, bits.granules, true);
            fill(bits.used, at, end + 1 - at, false);
            fill(bits.last, end, 1, false);
            group->rover = at;
        } else {
            error = MPK_EINVALID;
        }
    }
    _mpk_extents_unlock();
    return error;
}
