/* pkru.h - the register that holds a thread's rights on the sixteen keys.
 *
 * Invariant: each write is compared right after (host_pkru.h, gate.c, prim_pku.c); a
 * difference is fatal. What is compared is the register that WRPKRU took its value
 * from: a jump to the instruction, with a value of the attacker's own in that
 * register, is seen, and a RDPKRU is saved.
 *
 * The "memory" clobber matters: without it a compiler may move a load of guarded
 * memory past the write that closes it.
 *
 * Source: [SDM 3A 4.6.2], [SDM 2, RDPKRU, WRPKRU], [ERIM].
 */
#ifndef GALEED_MPK_PKRU_H
#define GALEED_MPK_PKRU_H

#include <stdint.h>

#define PKRU_ACCESS_DISABLE 1u /* AD */
#define PKRU_WRITE_DISABLE 2u  /* WD */
#define PKRU_BOTH 3u

static inline uint32_t pkru_of_key(uint32_t bits, int key) {
    return bits << (2 * (unsigned)key);
}

/* Out of line, a write would end in a return of its own, which an attacker's stack leads:
 * what makes its caller's comparison worth something is that it cannot be left out. */
#define PKRU_IN_PLACE static inline __attribute__((always_inline))

PKRU_IN_PLACE uint32_t pkru_read(void) {
    uint32_t value, high;
    __asm__ volatile("rdpkru" : "=a"(value), "=d"(high) : "c"(0) : "memory");
    return value;
}

/* Notes the address of the instruction before it (label 77) in the program's list of
 * sites: "galeed_wrpkru" for one that is compared right after, which the scan of code
 * then leaves alone; "galeed_wrpkru_bare" for one that hardening takes out. Relative to
 * the entry, so that the loader has nothing to relocate and the list stays read-only. */
#define PKRU_SITE(section) \
    ".pushsection " section ",\"aR\",@progbits\n\t.balign 4\n\t.long 77b - .\n\t.popsection"

/* The instruction. Returns what it wrote, as the register says afterwards: opaque
 * to the compiler, so that a comparison cannot be folded away. */
PKRU_IN_PLACE uint32_t pkru_write_unchecked(uint32_t value) {
    uint32_t high = 0;
    __asm__ inline volatile("77: wrpkru\n\t" PKRU_SITE("galeed_wrpkru") : "+a"(value), "+d"(high) : "c"(0) : "memory");
    return value;
}

/* On the way to a fatal end, where nothing may be said before the write is known to be whole.
 * The end follows in place: somebody who chose all registers passes the comparison. */
PKRU_IN_PLACE void pkru_write_or_trap(uint32_t value) {
    uint32_t wanted = value;
    __asm__ volatile("" : "+r"(wanted)); /* a copy of its own, not the register of the write */
    if (pkru_write_unchecked(value) != wanted) __builtin_trap();
}

/* Fatal; out of line, so that gates stay short. */
_Noreturn void _mpk_pkru_differs(uint32_t wanted, uint32_t found);

#endif
