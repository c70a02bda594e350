/* host_pkru.h - PKRU as the runtime writes it for the host, and as nobody else may.
 *
 * Invariant (part STACKS): a thread that its record says is in foreign code, or that has
 * none, has no more rights than runtime.guarded says, whatever instruction it
 * jumped to: every WRPKRU that can open is followed by this check. The one way that
 * opens for such a thread is the call gate's, which checks the same state in its own
 * assembler (call_macros.h).
 *
 * Attacker: arrives at the instruction with all registers and the stack of its choice.
 * So what is asked after it is found from the FS base register and from addresses that
 * are constants of the code, not from a register or a stack slot that was filled before.
 *
 * Source: [ERIM] for the check after the write, [Hodor] for the one way.
 */
#ifndef GALEED_MPK_HOST_PKRU_H
#define GALEED_MPK_HOST_PKRU_H

#include <stddef.h>
#include "mpk_harden.h"
#include "pkru.h"
#include "record.h"

/* The address, made by an instruction of its own wherever this stands. */
#define MPK_CONSTANT_ADDRESS(member) __extension__({ \
    uintptr_t address_; \
    __asm__ volatile("movabsq %1, %0" : "=r"(address_) : "i"(MPK_PUBLISHED_BASE + offsetof(struct runtime, member)) \
                     : "memory"); \
    address_; })

static inline uint64_t _mpk_guarded_now(void) { return *(const volatile uint64_t *)MPK_CONSTANT_ADDRESS(guarded); }

static inline bool _mpk_stacks_in_force(void) {
    return (*(const volatile uint32_t *)MPK_CONSTANT_ADDRESS(hardened) & MPK_HARDEN_STACKS) != 0;
}

/* harden_gates.c: the record's side of the check; returns when there is nothing amiss. */
void _mpk_pkru_check(void);
/* The same, as a question: pku, part STACKS, and this thread is not one of the host's by
 * its record. pre: the published range is readable. */
bool _mpk_stays_closed(void);

static inline void pkru_write(uint32_t value) {
    uint32_t wanted = value;
    __asm__ volatile("" : "+r"(wanted)); /* a copy of its own, not the register of the write */
    uint32_t written = pkru_write_unchecked(value);
    if (unlikely(written != wanted)) _mpk_pkru_differs(wanted, written);
    if (unlikely(_mpk_stacks_in_force())) _mpk_pkru_check();
}

/* What a signal handler found when it began goes back, published range closed and all: so
 * this asks the started page. Under part STACKS the published range stays readable,
 * for the check; the kernel puts back the frame's PKRU anyway. */
static inline uint32_t _mpk_stacks_started(void) {
    const volatile struct started_page *page;
    __asm__ volatile("leaq _mpk_started(%%rip), %0" : "=r"(page) : : "memory");
    return page->stacks;
}

static inline void pkru_restore(uint32_t entry) {
    uint32_t published = _mpk_started.published_bits;
    if (unlikely(_mpk_stacks_started()) && entry & published & 0x55555555)
        entry = (entry & ~published) | (published & 0xaaaaaaaa);
    uint32_t wanted = entry;
    __asm__ volatile("" : "+r"(wanted));
    uint32_t written = pkru_write_unchecked(entry);
    if (unlikely(written != wanted)) _mpk_pkru_differs(wanted, written);
    if (unlikely(_mpk_stacks_started())) _mpk_pkru_check();
}

#endif
