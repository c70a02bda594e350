/* pkru.h - the register that holds a thread's rights on the sixteen keys.
 *
 * Invariant: each write is read back and compared; a difference is fatal. The
 * read back is what makes a jump into the middle of a gate, with a value of the
 * attacker's own in the register, visible (gate.c compares with the protected
 * state, not with the value that it meant to write).
 *
 * The "memory" clobber matters: without it a compiler may move a load of guarded
 * memory past the write that closes it.
 *
 * Source: [SDM 3A 4.6.2], [SDM 2, RDPKRU, WRPKRU], [ERIM 4].
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

static inline uint32_t pkru_read(void) {
    uint32_t value, high;
    __asm__ volatile("rdpkru" : "=a"(value), "=d"(high) : "c"(0) : "memory");
    return value;
}

/* The bare instruction, for callers that compare by themselves. */
static inline void pkru_write_unchecked(uint32_t value) {
    __asm__ volatile("wrpkru" : : "a"(value), "c"(0), "d"(0) : "memory");
}

/* Fatal; out of line, so that gates stay short. */
_Noreturn void _mpk_pkru_differs(uint32_t wanted, uint32_t found);

static inline void pkru_write(uint32_t value) {
    pkru_write_unchecked(value);
    uint32_t found = pkru_read();
    if (__builtin_expect(found != value, 0)) _mpk_pkru_differs(value, found);
}

#endif
