/* vkey.c - virtual keys: start, page groups, statistics.
 *
 * Invariant: a group's pages are mapped without any rights; the kernel's own
 * answer to the protection that was asked for is taken before the group exists.
 *
 * Attacker: foreign code that calls these functions is told off.
 *
 * Source: [libmpk].
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "vkey.h"
#include "vkey_hooks.h"
#include "vkey_tasks.h"

#define REFUSED_FLAGS (MAP_GROWSDOWN | MAP_HUGETLB) /* pages that come or are sized otherwise */

/* mpk/rust/src/keys.rs declares these too. */
_Static_assert(sizeof(struct mpk_keys_stats) == 56, "layout of mpk_keys.h");

static _Thread_local int last_error; /* no rights hang on it */

int *mpk_keys_error(void) { return &last_error; }

static void host_only(const char *function) {
    if (_mpk_prim()->is_closed()) _mpk_fatal("foreign code called %s", function);
}

/* pre: lock. */
static int start_pku(void) {
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0)) return MPK_EKERNEL;
    int error = _mpk_vkey_sync_start();
    if (!error) error = _mpk_vkey_tasks_look();
    struct vkey_task *task;
    atomic_store(&VKEYS->round, 1);
    for (uint32_t i = 0; !error && (task = _mpk_vkey_task_live(i)); i++) atomic_store(&task->answered, 1);
    return error;
}

int _mpk_vkeys_init(void) {
    int error = mpk_start();
    if (error || atomic_load(&VKEYS->started)) return error;
    host_only("mpk_init");
    error = mpk_faults_install();
    if (error) return error;
    _mpk_extents_lock();
    if (!atomic_load(&VKEYS->started)) {
        if (_mpk_vkey_is_pku()) error = start_pku();
        VKEYS->rate = 1;
        if (!error) atomic_store(&VKEYS->started, 1);
    }
    _mpk_extents_unlock();
    return error;
}

int mpk_init(double evict_rate) {
    if (!(evict_rate <= 1)) return MPK_EINVALID; /* NaN too */
    int error = _mpk_vkeys_init();
    if (error) return error;
    host_only("mpk_init");
    _mpk_extents_lock();
    VKEYS->rate = evict_rate < 0 ? 1 : evict_rate;
    VKEYS->due = 0;
    _mpk_extents_unlock();
    return 0;
}

/* What would be refused later, when a group becomes resident, is asked now, of the kernel:
 * it knows the descriptor's mode, a memfd's seals, and what the file system forbids. */
static bool file_allows(size_t bytes, int prot, int flags, int fd, int64_t offset) {
    if (flags & MAP_ANONYMOUS) return true;
    int plain = flags & ~(MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_POPULATE | MAP_LOCKED);
    void *trial = mmap(NULL, bytes, prot, plain | MAP_NORESERVE, fd, offset);
    if (trial == MAP_FAILED) return errno == ENOMEM || errno == EAGAIN || errno == ENFILE; /* the mapping itself says */
    munmap(trial, bytes);
    return true;
}

static bool overlaps(uintptr_t base, size_t bytes, uintptr_t other, size_t other_bytes) {
    return base < other + other_bytes && other < base + bytes;
}

static bool is_a_foreign_stack(uintptr_t base, size_t bytes) {
    for (uint32_t slot = 0; slot < MPK_THREADS; slot++) {
        if (!_mpk_record_was_used(slot)) continue;
        const struct thread_record *record = _mpk_record_at(slot);
        uintptr_t low = record->foreign_low, high = record->foreign_high;
        if (high && overlaps(base, bytes, low - MPK_PAGE_BYTES, high - low + MPK_PAGE_BYTES)) return true;
    }
    return false;
}

/* pre: lock. Would MAP_FIXED there take away what is ours? The host domain's place is, before
 * it exists too. */
static bool is_taken(uintptr_t base, size_t bytes) {
    if (overlaps(base, bytes, MPK_HOST_BASE, MPK_PUBLISHED_BASE + MPK_PUBLISHED_BYTES - MPK_HOST_BASE) ||
        is_a_foreign_stack(base, bytes) ||
        overlaps(base, bytes, (uintptr_t)&_mpk_started, sizeof _mpk_started))
        return true;
    for (int i = 0; i < MPK_MAX_DOMAINS; i++) {
        const struct domain_extent *extent = &MPK_RUNTIME->extents[i];
        if (extent->base && overlaps(base, bytes, extent->base, extent->bytes)) return true;
    }
    for (uint32_t i = 0; i < VKEYS->high; i++) {
        const struct vkey_group *group = VKEY_GROUP(i);
        if (atomic_load(&group->name) && overlaps(base, bytes, group->base, group->bytes)) return true;
    }
    return false;
}

static int map_locked(int vkey, void **address, size_t length, int prot, int flags, int fd, int64_t offset) {
    if (_mpk_vkey_find(vkey) >= 0) return MPK_EVKEY;
    if (VKEYS->groups == MPK_GROUPS) return MPK_ENOMEM;
    size_t bytes = (length + MPK_PAGE_BYTES - 1) & ~(size_t)(MPK_PAGE_BYTES - 1);
    if (flags & MAP_FIXED && is_taken((uintptr_t)*address, bytes)) return MPK_EINVALID;
    void *base = mmap(*address, bytes, PROT_NONE, flags, fd, offset);
    if (base == MAP_FAILED)
        return errno == ENOMEM ? MPK_ENOMEM : errno == EAGAIN || errno == ENFILE ? MPK_EKERNEL : MPK_EINVALID;
    struct vkey_group group = {.ceiling = (uint8_t)prot, .base = (uintptr_t)base, .bytes = bytes};
    _mpk_vkey_insert(vkey, &group); /* there is room */
    *address = base;
    return 0;
}

void *mpk_mmap(int vkey, void *addr, size_t length, int prot, int flags, int fd, int64_t offset) {
    void *address = addr;
    int error = _mpk_vkeys_init();
    if (!error) {
        host_only("mpk_mmap");
        bool valid = vkey >= 0 && length && length <= SIZE_MAX - MPK_PAGE_BYTES && !(flags & REFUSED_FLAGS) &&
                     prot && !(prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC)) &&
                     (!(prot & PROT_WRITE) || prot & PROT_READ) && file_allows(length, prot, flags, fd, offset);
        _mpk_extents_lock();
        error = _mpk_vkeys_frozen() ? MPK_EHARDEN : valid ? map_locked(vkey, &address, length, prot, flags, fd, offset) : MPK_EINVALID;
        _mpk_extents_unlock();
    }
    last_error = error;
    return error ? MAP_FAILED : address;
}

static int unmap_locked(int vkey) {
    int index = _mpk_vkey_find(vkey);
    if (index < 0) return MPK_EVKEY;
    struct vkey_group *group = VKEY_GROUP(index);
    uint8_t key = atomic_load(&group->key);
    if (group->readers || group->writers || (key && !_mpk_vkey_take_key(index))) return MPK_EPINNED;
    if (munmap((void *)group->base, group->bytes)) {
        atomic_store(&group->key, key);
        return MPK_EKERNEL;
    }
    if (key) VKEYS->holder[key] = 0;
    atomic_store(&group->process, PROT_NONE);
    if (!_mpk_vkey_is_pku()) _mpk_vkey_unlist(index);
    _mpk_vkey_remove(index);
    return 0;
}

int mpk_munmap(int vkey) {
    if (!_mpk_vkeys_started()) return MPK_EVKEY;
    host_only("mpk_munmap");
    _mpk_vkey_own();
    _mpk_extents_lock();
    int error = unmap_locked(vkey);
    _mpk_extents_unlock();
    return error;
}

int mpk_keys_signal(void) { return _mpk_vkeys_started() ? VKEYS->signal_number : 0; }

int mpk_keys_statistics(struct mpk_keys_stats *out) {
    if (!out) return MPK_EINVALID;
    memset(out, 0, sizeof *out);
    if (!_mpk_vkeys_started()) return 0;
    host_only("mpk_keys_statistics");
    _mpk_extents_lock();
    const struct vkeys *keys = VKEYS;
    out->groups = keys->groups;
    out->keys = (uint32_t)__builtin_popcount(atomic_load(&keys->pool));
    for (int key = 1; key < VKEY_HARDWARE; key++) {
        out->resident += keys->holder[key] != 0;
        out->pinned += keys->holder[key] && _mpk_vkey_is_pinned(key);
    }
    if (!_mpk_vkey_is_pku())
        for (uint32_t i = 0; i < keys->high; i++)
            out->pinned += VKEY_GROUP(i)->readers || VKEY_GROUP(i)->writers;
    out->hits = keys->dead_hits + keys->hits_of_mprotect;
    for (uint32_t i = 0; i < keys->active_count; i++) out->hits += _mpk_vkey_thread_at(keys->active[i])->hits;
    out->misses = keys->misses;
    out->evictions = keys->evictions;
    out->syncs = keys->syncs;
    out->fallbacks = keys->fallbacks;
    _mpk_extents_unlock();
    return 0;
}
