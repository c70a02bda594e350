/* access.c - a host's rights on a domain: ask, open, close, copy in and out.
 *
 * Invariant: rights after mpk_domain_close are what they were before
 * mpk_domain_open. Only host threads may open: foreign code that calls these
 * functions is a program that has gone wrong, and ends.
 *
 * pku: rights of the calling thread. mprotect: of the process; two threads that
 * open and close one domain at once see each other's rights.
 */
#include <string.h>
#include "prim.h"
#include "record.h"

static int set(mpk_domain *domain, enum mpk_rights rights, enum mpk_rights *previous) {
    struct domain_extent *extent = _mpk_extent_of(domain);
    if (!extent || (rights != MPK_NONE && rights != MPK_READ && rights != MPK_READ_WRITE)) return MPK_EINVALID;
    const struct mpk_prim *prim = _mpk_prim();
    if (prim->is_closed()) _mpk_fatal("foreign code tried to change its rights on a domain");
    if (MPK_RUNTIME->backend == MPK_BACKEND_PKU) {
        if (previous) *previous = prim->rights_get(extent);
        return prim->rights_set(extent, rights);
    }
    _mpk_extents_lock();
    enum mpk_rights had = prim->rights_get(extent);
    int error = had == rights ? 0 : prim->rights_set(extent, rights);
    if (previous) *previous = had;
    _mpk_extents_unlock();
    return error;
}

int mpk_domain_open(mpk_domain *domain, enum mpk_rights rights, enum mpk_rights *previous) {
    return set(domain, rights, previous);
}

int mpk_domain_close(mpk_domain *domain, enum mpk_rights previous) {
    return set(domain, previous, NULL);
}

int _mpk_domain_hold(mpk_domain *domain, enum mpk_rights *previous) {
    if (MPK_RUNTIME->backend == MPK_BACKEND_PKU) return set(domain, MPK_READ_WRITE, previous);
    struct domain_extent *extent = _mpk_extent_of(domain);
    return extent ? _mpk_extent_hold(extent) : MPK_EINVALID;
}

int _mpk_domain_let(mpk_domain *domain, enum mpk_rights previous) {
    if (MPK_RUNTIME->backend == MPK_BACKEND_PKU) return set(domain, previous, NULL);
    return _mpk_extent_let(_mpk_extent_of(domain));
}

enum mpk_rights mpk_domain_rights(mpk_domain *domain) {
    struct domain_extent *extent = _mpk_extent_of(domain);
    if (!extent) return MPK_NONE;
    if (_mpk_prim()->is_closed()) return MPK_RUNTIME->foreign_rights;
    return _mpk_prim()->rights_get(extent);
}

int mpk_domain_key(const mpk_domain *domain) {
    struct domain_extent *extent = _mpk_extent_of(domain);
    return extent ? extent->key : 0;
}

int mpk_domain_contains(const mpk_domain *domain, const void *address) {
    struct domain_extent *extent = _mpk_extent_of(domain);
    return extent && (uintptr_t)address - extent->base < extent->bytes;
}

void mpk_domain_range(const mpk_domain *domain, uintptr_t *base, size_t *bytes) {
    struct domain_extent *extent = _mpk_extent_of(domain);
    *base = extent ? extent->base : 0;
    *bytes = extent ? extent->bytes : 0;
}

static int copy(mpk_domain *domain, uintptr_t inside, void *outside, size_t bytes, bool out) {
    enum mpk_rights previous;
    struct mpk_allocation allocation;
    int error = mpk_domain_open(domain, MPK_READ_WRITE, &previous);
    if (error) return error;
    if (!mpk_heap_find(domain, inside, &allocation) || inside - allocation.base > allocation.bytes ||
        bytes > allocation.bytes - (inside - allocation.base))
        error = MPK_EINVALID;
    else if (out) memcpy(outside, (const void *)inside, bytes);
    else memcpy((void *)inside, outside, bytes);
    int closed = mpk_domain_close(domain, previous);
    return error ? error : closed;
}

int mpk_domain_read(mpk_domain *domain, const void *address, void *out, size_t bytes) {
    return copy(domain, (uintptr_t)address, out, bytes, true);
}

int mpk_domain_write(mpk_domain *domain, void *address, const void *in, size_t bytes) {
    return copy(domain, (uintptr_t)address, (void *)(uintptr_t)in, bytes, false);
}

int mpk_keep_open(void) {
    if (MPK_RUNTIME->backend != MPK_BACKEND_MPROTECT) return 0;
    if (_mpk_prim()->is_closed()) _mpk_fatal("foreign code called mpk_keep_open, which is the host's");
    return _mpk_runner_take(_mpk_fs_base());
}

void mpk_keep_open_end(int kept) {
    if (kept) _mpk_runner_release();
}
