/* harden_seal.c - part SEAL: the kernel changes nothing about the domains' mappings
 * any more; and the freeze that it, and SYSCALLS, need before.
 *
 * Invariant: once runtime.frozen is set, no page of a domain ever changes its key.
 * Pages that are shared by then stay shared (the heap retires them when freed).
 *
 * The seal is tried on a page of our own first, where a filter that fakes success
 * shows, and then each range is asked for a change that would change nothing.
 * What the kernel still allows on a sealed range, dropping anonymous pages' content, it
 * allows only to threads whose PKRU lets them write there: our purge, not foreign code.
 *
 * mprotect: a gate *is* a change of page rights, so that sealing cannot be had.
 *
 * Source: mseal(2), Documentation/userspace-api/mseal.rst.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "harden.h"
#include "prim.h"

static bool is_pku(void) { return MPK_RUNTIME->backend == MPK_BACKEND_PKU; }

static int seal(uintptr_t base, size_t bytes) { return (int)syscall(SYS_mseal, base, bytes, 0UL); }

/* 0, or the errno that tells why sealing has no effect here. Costs a page for ever. */
static int try_seal(void) {
    void *page = mmap(NULL, MPK_PAGE_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return errno;
    if (seal((uintptr_t)page, MPK_PAGE_BYTES)) {
        int why = errno;
        munmap(page, MPK_PAGE_BYTES);
        return why;
    }
    if (munmap(page, MPK_PAGE_BYTES) == 0) return EPROTO; /* it said yes and did nothing */
    return 0;
}

int _mpk_harden_seal_check(struct hardening *h) {
    if (!is_pku())
        return _mpk_harden_refuse(h, MPK_HARDEN_SEAL, "cannot be had on the mprotect backend, whose gates change page "
                                  "rights; make it optional (\"seal?\") or use a machine with protection keys");
    int why = try_seal();
    if (!why) return 0;
    return _mpk_harden_refuse(h, MPK_HARDEN_SEAL, "%s (%s)",
                              why == EPROTO   ? "mseal reports success and seals nothing, by an earlier system call filter"
                              : why == ENOSYS ? "this kernel has no mseal; Linux 6.10 or newer has"
                                              : "mseal is refused",
                              strerror(why));
}

int _mpk_harden_freeze(struct hardening *h, uint32_t part) {
    struct runtime *runtime = MPK_RUNTIME;
    if (!is_pku() || runtime->frozen) return 0;
    int error = 0;
    _mpk_extents_lock();
    for (int i = 0; i < MPK_MAX_DOMAINS && !error; i++) {
        struct domain_extent *extent = &runtime->extents[i];
        if (extent->base) error = _mpk_domain_make_ready(extent, _mpk_harden_domain_bytes(extent->bytes));
    }
    if (!error) atomic_store(&runtime->frozen, 1);
    _mpk_extents_unlock();
    if (!error) return 0;
    return _mpk_harden_refuse(h, part, "%zu MiB of a domain cannot be made ready (%s); set GALEED_HARDEN_MEMORY to less",
                              runtime->harden_bytes >> 20, mpk_strerror(error));
}

static int seal_step(uintptr_t base, size_t bytes, void *ignored) {
    (void)ignored;
    if (seal(base, bytes)) return MPK_EKERNEL;
    /* What the first page has already: if this goes through, nothing has changed. */
    int prot = base == (uintptr_t)&_mpk_started ? PROT_READ : PROT_READ | PROT_WRITE;
    errno = 0;
    if (mprotect((void *)base, MPK_PAGE_BYTES, prot) == 0 || errno != EPERM)
        return MPK_EKERNEL;
    return 0;
}

int _mpk_harden_seal_apply(struct hardening *h) {
    int error = _mpk_harden_freeze(h, MPK_HARDEN_SEAL);
    if (error) return error;
    if (seal_step((uintptr_t)&_mpk_started, sizeof _mpk_started, NULL) || _mpk_harden_each_mapped(seal_step, NULL))
        return _mpk_harden_refuse(h, MPK_HARDEN_SEAL, "a domain could not be sealed (%s)", strerror(errno));
    return 0;
}
