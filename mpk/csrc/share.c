/* share.c - page runs inside a domain that foreign code may touch, and guards,
 * which nobody may.
 *
 * pku: the pages carry key 0 while they are shared; nothing else is to be known.
 * mprotect: closing must leave them out, so the runs of each domain are listed,
 * sorted by address and disjoint, in the published range.
 *
 * Invariant: the list changes only under extent_lock, which on mprotect is held
 * while memory is closed. So the list that a domain was closed by is the list
 * that it is opened by.
 */
#include <string.h>
#include <sys/mman.h>
#include "prim.h"

struct run { uintptr_t base; size_t bytes; };

#define RUNS_BYTES (8u << 20) /* addresses for one domain's list */
#define RUNS_MAX (RUNS_BYTES / sizeof(struct run))
_Static_assert(MPK_RUNS_OFFSET + (uint64_t)MPK_MAX_DOMAINS * RUNS_BYTES <=
                   MPK_PUBLISHED_USER - MPK_PUBLISHED_BASE, "runs fit below the user's part");

static struct run *runs_of(const struct domain_extent *extent) {
    uintptr_t index = (uintptr_t)(extent - MPK_RUNTIME->extents);
    return (struct run *)(MPK_PUBLISHED_BASE + MPK_RUNS_OFFSET + index * RUNS_BYTES);
}

/* Index of the first run that ends behind the address. */
static uint32_t run_at(const struct domain_extent *extent, uintptr_t address) {
    const struct run *runs = runs_of(extent);
    uint32_t low = 0, high = extent->runs;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (runs[middle].base + runs[middle].bytes <= address) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* The part of [at, end) that is in no run. *i: the first run that ends behind at; moves on. */
static int parts_of(const struct domain_extent *extent, uintptr_t at, uintptr_t end, uint32_t *i,
                    int (*visit)(uintptr_t, size_t, int), int argument) {
    const struct run *runs = runs_of(extent);
    int error = 0;
    for (; *i < extent->runs && runs[*i].base < end && !error; ++*i) {
        if (runs[*i].base > at) error = visit(at, runs[*i].base - at, argument);
        at = runs[*i].base + runs[*i].bytes;
    }
    return !error && at < end ? visit(at, end - at, argument) : error;
}

int _mpk_extent_parts(struct domain_extent *extent, int (*visit)(uintptr_t, size_t, int), int argument) {
    uintptr_t end = extent->base + extent->bytes;
    uint32_t i = 0;
    int error = parts_of(extent, extent->base, extent->base + extent->committed, &i, visit, argument);
    return error ? error : parts_of(extent, end - extent->private_bytes, end, &i, visit, argument);
}

static int add(struct domain_extent *extent, uintptr_t address, size_t bytes) {
    struct run *runs = runs_of(extent);
    uint32_t at = run_at(extent, address);
    if (at < extent->runs && runs[at].base < address + bytes) return MPK_EINVALID; /* overlaps */
    bool joins_last = at > 0 && runs[at - 1].base + runs[at - 1].bytes == address;
    bool joins_next = at < extent->runs && runs[at].base == address + bytes;
    if (joins_last && joins_next) {
        runs[at - 1].bytes += bytes + runs[at].bytes;
        memmove(&runs[at], &runs[at + 1], (extent->runs - at - 1) * sizeof *runs);
        extent->runs--;
    } else if (joins_last) {
        runs[at - 1].bytes += bytes;
    } else if (joins_next) {
        runs[at] = (struct run){address, runs[at].bytes + bytes};
    } else {
        if (extent->runs == RUNS_MAX) return MPK_ENOMEM;
        memmove(&runs[at + 1], &runs[at], (extent->runs - at) * sizeof *runs);
        runs[at] = (struct run){address, bytes};
        extent->runs++;
    }
    return 0;
}

static int take(struct domain_extent *extent, uintptr_t address, size_t bytes) {
    struct run *runs = runs_of(extent);
    uint32_t at = run_at(extent, address);
    uintptr_t end = address + bytes;
    if (at == extent->runs || runs[at].base > address) return MPK_EINVALID;
    uintptr_t run_end = runs[at].base + runs[at].bytes;
    if (run_end < end) return MPK_EINVALID;
    if (runs[at].base < address && end < run_end) { /* out of the middle */
        if (extent->runs == RUNS_MAX) return MPK_ENOMEM;
        memmove(&runs[at + 1], &runs[at], (extent->runs - at) * sizeof *runs);
        extent->runs++;
        runs[at].bytes = address - runs[at].base;
        runs[at + 1] = (struct run){end, run_end - end};
    } else if (runs[at].base < address) {
        runs[at].bytes = address - runs[at].base;
    } else if (end < run_end) {
        runs[at] = (struct run){end, run_end - end};
    } else {
        memmove(&runs[at], &runs[at + 1], (extent->runs - at - 1) * sizeof *runs);
        extent->runs--;
    }
    return 0;
}

/* NULL: the pages are not all the domain's. */
static struct domain_extent *extent_of_pages(mpk_domain *domain, uintptr_t address, size_t bytes) {
    if (_mpk_prim()->is_closed()) _mpk_fatal("foreign code tried to change what it may reach");
    struct domain_extent *extent = _mpk_extent_of(domain);
    if (!extent || !bytes || (address | bytes) % MPK_PAGE_BYTES || address < extent->base ||
        address - extent->base > extent->committed || bytes > extent->committed - (address - extent->base))
        return NULL;
    return extent;
}

static int change(mpk_domain *domain, uintptr_t address, size_t bytes, bool shared) {
    struct domain_extent *extent = extent_of_pages(domain, address, bytes);
    if (!extent) return MPK_EINVALID;
    if (MPK_RUNTIME->frozen) return MPK_EHARDEN;
    if (MPK_RUNTIME->backend == MPK_BACKEND_PKU)
        return _mpk_prim()->tag((void *)address, bytes, PROT_READ | PROT_WRITE, shared ? 0 : extent->key);
    _mpk_extents_lock();
    /* The page protection is right already: pre says that the host has the domain
     * open. What changes is what the next close leaves out. */
    int error = shared ? add(extent, address, bytes) : take(extent, address, bytes);
    _mpk_extents_unlock();
    return error;
}

int _mpk_domain_guard(mpk_domain *domain, uintptr_t address, size_t bytes) {
    struct domain_extent *extent = _mpk_extent_of(domain);
    uintptr_t end = extent->base + extent->bytes;
    if (MPK_RUNTIME->backend == MPK_BACKEND_PKU)
        return _mpk_prim()->tag((void *)address, bytes, PROT_NONE, extent->key);
    _mpk_extents_lock(); /* left out of closing and opening, so that it stays as it is */
    int error = address < end - extent->private_bytes || bytes > end - address ? MPK_EINVALID
                                                                               : add(extent, address, bytes);
    if (!error) error = _mpk_prim()->tag((void *)address, bytes, PROT_NONE, 0);
    _mpk_extents_unlock();
    return error;
}

int _mpk_domain_share(mpk_domain *domain, uintptr_t address, size_t bytes) {
    return change(domain, address, bytes, true);
}

int _mpk_domain_unshare(mpk_domain *domain, uintptr_t address, size_t bytes) {
    return change(domain, address, bytes, false);
}

/* mprotect: a guard is one more run that opening and closing leave as it is. */
static int set_hidden(mpk_domain *domain, uintptr_t address, size_t bytes, int prot) {
    struct domain_extent *extent = extent_of_pages(domain, address, bytes);
    if (!extent) return MPK_EINVALID;
    if (MPK_RUNTIME->backend == MPK_BACKEND_PKU)
        return _mpk_prim()->tag((void *)address, bytes, prot, extent->key);
    _mpk_extents_lock();
    int error = prot == PROT_NONE ? add(extent, address, bytes) : take(extent, address, bytes);
    if (!error && (error = _mpk_prim()->tag((void *)address, bytes, prot, extent->key)) && prot == PROT_NONE)
        take(extent, address, bytes);
    _mpk_extents_unlock();
    return error;
}

int _mpk_domain_hide(mpk_domain *domain, uintptr_t address, size_t bytes) {
    return set_hidden(domain, address, bytes, PROT_NONE);
}

int _mpk_domain_show(mpk_domain *domain, uintptr_t address, size_t bytes) {
    return set_hidden(domain, address, bytes, PROT_READ | PROT_WRITE);
}
