/* vkey_pages.c - virtual keys on the mprotect backend: rights are the process's.
 *
 * Invariant: while memory is open, a group's pages have the widest of its
 * process-wide rights and of each thread's newest begin; while it is closed for
 * a foreign call they have none (PROT_EXEC stays, as on pku). Groups that are
 * accessible are listed, so that a gate need not look at all of them.
 *
 * All under the lock on extents, which is held while memory is closed.
 */
#include <errno.h>
#include "vkey.h"
#include "vkey_hooks.h"

static uint32_t *open_list(void) { return (uint32_t *)(MPK_PUBLISHED_BASE + VKEY_OPEN_OFFSET); }

void _mpk_vkey_count(int index, bool may_write, int by) {
    struct vkey_group *group = VKEY_GROUP(index);
    if (may_write) group->writers += (uint32_t)by;
    else group->readers += (uint32_t)by;
}

static void list(int index, bool open) {
    struct vkeys *keys = VKEYS;
    struct vkey_group *group = VKEY_GROUP(index);
    if (open && !group->open_place) {
        open_list()[keys->open_count++] = (uint32_t)index;
        group->open_place = keys->open_count;
    } else if (!open && group->open_place) {
        uint32_t last = open_list()[--keys->open_count];
        open_list()[group->open_place - 1] = last;
        VKEY_GROUP(last)->open_place = group->open_place;
        group->open_place = 0;
    }
}

void _mpk_vkey_unlist(int index) { list(index, false); }

int _mpk_vkey_apply(int index) {
    struct vkey_group *group = VKEY_GROUP(index);
    int prot = atomic_load(&group->process);
    if (group->writers) prot |= PROT_READ | PROT_WRITE;
    else if (group->readers) prot |= PROT_READ;
    if (prot == atomic_load(&group->placed)) return 0;
    if (mprotect((void *)group->base, group->bytes, prot)) return errno == ENOMEM ? MPK_ENOMEM : MPK_EKERNEL;
    atomic_store(&group->placed, (uint8_t)prot);
    list(index, prot & (PROT_READ | PROT_WRITE));
    return 0;
}

static void protect_open(bool closing) {
    if (!_mpk_vkeys_started()) return;
    for (uint32_t i = 0; i < VKEYS->open_count; i++) {
        struct vkey_group *group = VKEY_GROUP(open_list()[i]);
        int prot = atomic_load(&group->placed) & (closing ? PROT_EXEC : ~0);
        if (mprotect((void *)group->base, group->bytes, prot))
            _mpk_fatal("mprotect of a page group failed (errno %d): its rights are undefined", errno);
    }
}

void _mpk_vkey_close_all(void) { protect_open(true); }
void _mpk_vkey_open_all(void) { protect_open(false); }
