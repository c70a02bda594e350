/* domain.c - ranges of addresses under one key: create, grow, open, close, end.
 *
 * Invariants: a page of a domain is PROT_NONE or carries the domain's key (or is
 * shared, share.c); its first accessible moment is under that key. What gates
 * need to know of a domain is in its extent (published range), since the domain
 * itself is closed when they need it.
 *
 * A range is used from both ends: the heap's part grows up from base, by
 * _mpk_domain_commit, and mpk_domain_private takes from the top.
 *
 * Attacker: foreign code that calls these functions is told off: they work for
 * host threads only.
 *
 * Source: [pkeys(7)], [PKU Pitfalls] for never giving a key back.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include "harden.h"
#include "prim.h"
#include "record.h"
#include "sites.h"
#include "vkey_hooks.h"

#define COMMIT_LEAST (1u << 20)   /* one step of growth, at least */
#define COMMIT_MOST (64u << 20)   /* and at most */
#define RESERVE_DEFAULT ((size_t)1 << 30)
#define RESERVE_LEAST ((size_t)16 << 20) /* the heap's own tables fit */
#define HUGE_ALIGN ((size_t)2 << 20)

static size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) & ~(unit - 1); }

struct domain_extent *_mpk_extent_of(const mpk_domain *domain) {
    if (!domain) return NULL;
    for (int i = 0; i < MPK_MAX_DOMAINS; i++)
        if (MPK_RUNTIME->extents[i].base == (uintptr_t)domain) return &MPK_RUNTIME->extents[i];
    return NULL;
}

struct domain_extent *_mpk_extent_at(uintptr_t address) {
    for (int i = 0; i < MPK_MAX_DOMAINS; i++) {
        struct domain_extent *extent = &MPK_RUNTIME->extents[i];
        if (!extent->base || address - extent->base >= extent->bytes) continue;
        size_t offset = address - extent->base;
        return offset < extent->committed || offset >= extent->bytes - extent->private_bytes ? extent : NULL;
    }
    return NULL;
}

static void host_only(const char *function) {
    if (_mpk_prim()->is_closed()) _mpk_fatal("foreign code called %s", function);
}

static int accessible(struct domain_extent *extent, uintptr_t base, size_t bytes) {
    return _mpk_prim()->tag((void *)base, bytes, PROT_READ | PROT_WRITE, extent->key);
}

static bool is_secret(void) { return (MPK_RUNTIME->prepared & MPK_HARDEN_SECRETMEM) != 0; }

/* Part SECRETMEM: the reserved pages become secret memory, still without rights. */
static int secret_if_asked(uintptr_t base, size_t bytes) {
    int why = is_secret() ? _mpk_secret_map(base, bytes, PROT_NONE) : 0;
    return why ? _mpk_secret_explain(why) : 0;
}

/* pre: extent_lock; bytes > extent->ready, whole pages. */
static int make_ready(struct domain_extent *extent, size_t bytes) {
    if (MPK_RUNTIME->frozen) return MPK_ENOMEM;
    int error = accessible(extent, extent->base + extent->ready, bytes - extent->ready);
    if (!error) extent->ready = bytes;
    return error;
}

/* What the heap's part may grow to. */
static size_t room_of(const struct domain_extent *extent) {
    size_t room = extent->bytes - extent->private_bytes;
    return room < extent->limit ? room : extent->limit;
}

int _mpk_domain_make_ready(struct domain_extent *extent, size_t bytes) {
    size_t room = room_of(extent);
    bytes = round_up(bytes < room ? bytes : room, MPK_PAGE_BYTES);
    return bytes > extent->ready ? make_ready(extent, bytes) : 0;
}

int _mpk_domain_commit(mpk_domain *domain, size_t bytes) {
    struct domain_extent *extent = _mpk_extent_of(domain);
    if (!extent || bytes > extent->bytes) return extent ? MPK_ENOMEM : MPK_EINVALID;
    _mpk_extents_lock();
    size_t committed = extent->committed, room = room_of(extent);
    int error = 0;
    if (bytes > room) {
        error = MPK_ENOMEM;
    } else if (bytes > committed) {
        size_t step = committed / 4;
        step = step < COMMIT_LEAST ? COMMIT_LEAST : step > COMMIT_MOST ? COMMIT_MOST : step;
        size_t wanted = round_up(bytes > committed + step ? bytes : committed + step, MPK_PAGE_BYTES);
        if (wanted > room) wanted = room;
        if (wanted > extent->ready && bytes <= extent->ready) wanted = extent->ready;
        if (wanted > extent->ready) error = make_ready(extent, wanted);
        if (!error) {
            extent->committed = wanted;
            domain->committed = wanted;
        }
    }
    _mpk_extents_unlock();
    return error;
}

void *mpk_domain_private(mpk_domain *domain, size_t bytes) {
    struct domain_extent *extent = _mpk_extent_of(domain);
    if (!extent || !bytes || bytes > extent->bytes) return NULL;
    host_only("mpk_domain_private");
    bytes = round_up(bytes, MPK_PAGE_BYTES);
    void *result = NULL;
    _mpk_extents_lock();
    if (!MPK_RUNTIME->frozen && bytes <= extent->bytes - extent->private_bytes - extent->ready) {
        uintptr_t base = extent->base + extent->bytes - extent->private_bytes - bytes;
        if (secret_if_asked(base, bytes) == 0 && accessible(extent, base, bytes) == 0) {
            extent->private_bytes += bytes;
            result = (void *)base;
        }
    }
    _mpk_extents_unlock();
    return result;
}

static void lock(_Atomic uint32_t *word) {
    uint32_t free = 0;
    while (!atomic_compare_exchange_weak(word, &free, 1)) {
        free = 0;
        sched_yield(); /* the holder makes system calls */
    }
}

void _mpk_domains_lock(void) { lock(&MPK_RUNTIME->domains_lock); }
void _mpk_domains_unlock(void) { atomic_store(&MPK_RUNTIME->domains_lock, 0); }
void _mpk_host_lock(void) { lock(&MPK_RUNTIME->host_lock); }
void _mpk_host_unlock(void) { atomic_store(&MPK_RUNTIME->host_lock, 0); }

/* A key of its own, guarded in every gate from now on. pku only; extent_lock. */
static int guard_key(struct domain_extent *extent) {
    struct runtime *runtime = MPK_RUNTIME;
    int error = _mpk_prim()->key_alloc(&extent->key);
    if (error == MPK_ENOKEY) error = _mpk_vkey_give_up(&extent->key);
    if (error || runtime->backend != MPK_BACKEND_PKU) return error;
    uint64_t both = (uint64_t)3 << (2 * extent->key);
    uint64_t foreign = (uint64_t)(runtime->foreign_rights == MPK_READ ? 2 : 3) << (2 * extent->key);
    uint64_t guarded = atomic_load(&runtime->guarded);
    atomic_store(&runtime->guarded, (guarded & ~both) | both << 32 | foreign);
    return 0;
}

static int create_locked(uintptr_t base, size_t bytes, size_t limit, mpk_domain **out) {
    struct runtime *runtime = MPK_RUNTIME;
    uint32_t index = 0;
    while (index < MPK_MAX_DOMAINS && runtime->extents[index].base) index++;
    if (index == MPK_MAX_DOMAINS) return MPK_ENOKEY;
    struct domain_extent *extent = &runtime->extents[index];
    memset(extent, 0, sizeof *extent);
    int error = guard_key(extent);
    if (error) return error;
    extent->bytes = bytes;
    extent->limit = limit;
    atomic_store(&extent->rights, MPK_READ_WRITE); /* what the pages get just now */
    error = _mpk_prim()->tag((void *)base, COMMIT_LEAST, PROT_READ | PROT_WRITE, extent->key);
    if (error) {
        if (runtime->backend == MPK_BACKEND_PKU) runtime->spare_keys |= 1u << extent->key;
        return error;
    }
    extent->committed = extent->ready = COMMIT_LEAST;
    extent->base = base;
    if (runtime->backend == MPK_BACKEND_PKU) _mpk_prim()->rights_set(extent, MPK_READ_WRITE);
    mpk_domain *domain = (mpk_domain *)base;
    *domain = (mpk_domain){.base = base, .bytes = bytes, .committed = COMMIT_LEAST,
                           .key = extent->key, .index = index};
    *out = domain;
    return 0;
}

/* Leaves the domain open for the caller. fixed: 0, or the address it must have. */
static int create(uintptr_t fixed, size_t bytes, mpk_domain **out) {
    if (MPK_RUNTIME->hardened & (MPK_HARDEN_SEAL | MPK_HARDEN_SYSCALLS)) return MPK_EHARDEN;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (fixed ? MAP_FIXED_NOREPLACE : 0);
    void *range = mmap((void *)fixed, bytes, PROT_NONE, flags, -1, 0);
    if (range == MAP_FAILED) {
        if (errno == EEXIST)
            return _mpk_explain(MPK_EADDRESS, "the host domain's address range at 0x%lx is taken by another "
                                "mapping (see /proc/self/maps)", (unsigned long)fixed);
        return _mpk_explain(MPK_ENOMEM, "no address space for a domain: mmap of %zu MiB failed (%s); a limit "
                            "on address space (ulimit -v) must allow it", bytes >> 20, strerror(errno));
    }
    if (fixed && range != (void *)fixed) {
        munmap(range, bytes);
        return MPK_EADDRESS;
    }
    size_t limit = is_secret() ? _mpk_harden_domain_bytes(bytes) : bytes;
    int error = secret_if_asked((uintptr_t)range, limit);
    _mpk_domains_lock(); /* whoever visits all domains must find a heap in each */
    if (!error) {
        _mpk_extents_lock();
        error = create_locked((uintptr_t)range, bytes, limit, out);
        _mpk_extents_unlock();
    }
    bool exists = !error;
    if (exists) error = _mpk_heap_init(*out);
    else munmap(range, bytes);
    _mpk_domains_unlock();
    if (exists && error) mpk_domain_destroy(*out);
    return error;
}

mpk_domain *mpk_host(int *error) {
    int ignored;
    if (!error) error = &ignored;
    *error = mpk_start();
    if (*error) return NULL;
    struct runtime *runtime = MPK_RUNTIME;
    mpk_domain *host = atomic_load(&runtime->host);
    if (likely(host != NULL)) return host;
    host_only("mpk_host");
    _mpk_host_lock();
    host = atomic_load(&runtime->host);
    if (!host) {
        /* Threads that exist before the key does must be known, and the fault
         * handler must be there to give them their rights. */
        if (!runtime->faults_installed && _mpk_threads_note_older() > 1) *error = mpk_faults_install();
        if (!*error) *error = create(MPK_HOST_BASE, (size_t)1 << MPK_HOST_SHIFT, &host);
        if (!*error) {
            if (runtime->backend == MPK_BACKEND_PKU) runtime->host_bits |= 3u << (2 * mpk_domain_key(host));
            *error = _mpk_sites_start(host);
            if (!*error) atomic_store(&runtime->host, host);
        }
    }
    _mpk_host_unlock();
    return *error ? NULL : host;
}

int mpk_domain_create(size_t reserve_bytes, mpk_domain **out) {
    if (!out || reserve_bytes > (size_t)1 << 46) return MPK_EINVALID;
    int error = mpk_start();
    if (error) return error;
    host_only("mpk_domain_create");
    error = _mpk_faults_install_started(); /* so that a closed domain's use is reported */
    if (error) return error;
    if (!reserve_bytes) reserve_bytes = RESERVE_DEFAULT;
    if (reserve_bytes < RESERVE_LEAST) reserve_bytes = RESERVE_LEAST;
    mpk_domain *domain;
    error = create(0, round_up(reserve_bytes, HUGE_ALIGN), &domain);
    if (error) return error;
    error = mpk_domain_close(domain, MPK_NONE);
    if (error) mpk_domain_destroy(domain);
    else *out = domain;
    return error;
}

int mpk_domain_destroy(mpk_domain *domain) {
    struct domain_extent *extent = _mpk_extent_of(domain);
    if (!extent || (uintptr_t)domain == MPK_HOST_BASE) return MPK_EINVALID;
    host_only("mpk_domain_destroy");
    if (MPK_RUNTIME->hardened & (MPK_HARDEN_SEAL | MPK_HARDEN_SYSCALLS)) return MPK_EHARDEN;
    _mpk_domains_lock();
    _mpk_extents_lock();
    int error = munmap((void *)extent->base, extent->bytes) ? MPK_EKERNEL : 0;
    if (!error) {
        if (MPK_RUNTIME->backend == MPK_BACKEND_PKU) {
            _mpk_prim()->rights_set(extent, MPK_NONE);
            MPK_RUNTIME->spare_keys |= 1u << extent->key;
        }
        memset(extent, 0, sizeof *extent);
    }
    _mpk_extents_unlock();
    _mpk_domains_unlock();
    return error;
}
