/* prim_pku.c - the contract of prim.h by protection keys: rights per thread.
 *
 * Invariant: whenever a thread runs foreign code, the bits of every key of ours
 * in its PKRU are what runtime.guarded says; bits of other libraries' keys are
 * never changed.
 *
 * Attacker: can read PKRU and this file's data, and call these functions; cannot
 * execute WRPKRU of its own (THREAT_MODEL.md says what that takes).
 *
 * Source: [SDM 3A 4.6.2], [pkeys(7)], [ERIM].
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "host_pkru.h"
#include "prim.h"
#include "record.h"

void _mpk_pkru_differs(uint32_t wanted, uint32_t found) {
    uint64_t guarded = _mpk_guarded_now(); /* closed before a word is said: the stack may be the attacker's */
    pkru_write_or_trap((found & ~(uint32_t)(guarded >> 32)) | (uint32_t)guarded);
    _mpk_fatal("PKRU holds %x after %x was written: a gate was entered in its middle, or the "
               "key of another library changed meanwhile", found, wanted);
}

static int pku_key_alloc(int *key) {
    struct runtime *runtime = MPK_RUNTIME;
    if (unlikely(_mpk_stacks_in_force())) (void)_mpk_thread();
    if (runtime->spare_keys) { /* of a destroyed domain; still guarded in every gate */
        *key = __builtin_ctz(runtime->spare_keys);
        runtime->spare_keys &= runtime->spare_keys - 1;
        uint32_t bits = pkru_read();
        pkru_write((bits & ~pkru_of_key(PKRU_BOTH, *key)) | pkru_of_key(PKRU_ACCESS_DISABLE, *key));
        return 0;
    }
    long taken = syscall(SYS_pkey_alloc, 0, PKRU_ACCESS_DISABLE);
    if (taken < 0) return errno == ENOSPC ? MPK_ENOKEY : errno == ENOSYS ? MPK_ENOPKU : MPK_EKERNEL;
    *key = (int)taken;
    return 0;
}

static int pku_tag(void *address, size_t bytes, int prot, int key) {
    if (syscall(SYS_pkey_mprotect, address, bytes, prot, key) == 0) return 0;
    return errno == ENOMEM ? MPK_ENOMEM : MPK_EKERNEL;
}

static enum mpk_rights pku_rights_get(struct domain_extent *extent) {
    uint32_t bits = (pkru_read() >> (2 * extent->key)) & PKRU_BOTH;
    if (bits & PKRU_ACCESS_DISABLE) return MPK_NONE;
    return bits & PKRU_WRITE_DISABLE ? MPK_READ : MPK_READ_WRITE;
}

static int pku_rights_set(struct domain_extent *extent, enum mpk_rights rights) {
    uint32_t bits = rights == MPK_READ_WRITE ? 0
                  : rights == MPK_READ       ? PKRU_WRITE_DISABLE
                                             : PKRU_ACCESS_DISABLE | PKRU_WRITE_DISABLE;
    if (unlikely(_mpk_stacks_in_force())) (void)_mpk_thread(); /* who has no record is foreign, to the check below */
    uint32_t others = pkru_read() & ~pkru_of_key(PKRU_BOTH, extent->key);
    pkru_write(others | pkru_of_key(bits, extent->key));
    return 0;
}

static uint32_t pku_close_all(struct thread_record *record) {
    (void)record;
    uint32_t saved = pkru_read();
    for (;;) {
        uint64_t guarded = _mpk_guarded_now();
        uint32_t found = pkru_write_unchecked((saved & ~(uint32_t)(guarded >> 32)) | (uint32_t)guarded);
        /* Compared with the protected state, found and read again: a jump to the
         * WRPKRU above with other values in the registers ends here. */
        uint64_t now = _mpk_guarded_now();
        if (likely((found & (uint32_t)(now >> 32)) == (uint32_t)now)) return saved;
        if (now == guarded) _mpk_pkru_differs((uint32_t)now, found);
        /* A domain was created between the two loads: once more, with its key. */
    }
}

static void pku_open_all(struct thread_record *record, uint32_t saved) {
    (void)record;
    uint32_t mask = (uint32_t)(atomic_load_explicit(&MPK_RUNTIME->guarded, memory_order_acquire) >> 32);
    pkru_write((pkru_read() & ~mask) | (saved & mask));
}

static bool pku_is_closed(void) {
    /* The load comes first: in a signal handler, which the kernel starts with
     * every key closed, it faults, and fault.c gives the thread the rights that
     * its record stands for. Only then does PKRU answer the question. */
    uint32_t published = *(volatile uint32_t *)&MPK_RUNTIME->published_bits;
    return (pkru_read() & published) != 0;
}

const struct mpk_prim _mpk_prim_pku = {
    .key_alloc = pku_key_alloc,
    .tag = pku_tag,
    .rights_get = pku_rights_get,
    .rights_set = pku_rights_set,
    .close_all = pku_close_all,
    .open_all = pku_open_all,
    .is_closed = pku_is_closed,
};
