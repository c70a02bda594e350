/* code_detour.h - an XRSTOR that somebody needs, made harmless: a jump in its place leads
 * to a copy with a test of EAX behind it.
 *
 * XRSTOR loads PKRU when bit 9 of EAX is set; it leaves EAX as it is. Whoever gets there
 * with that bit set, by whatever way, is stopped before the next load or store. The
 * dynamic loader never sets it. Flags are lost, which calls do not keep anyway.
 *
 * Source: [ERIM] the test behind XRSTOR; [SDM 2, XRSTOR].
 */
#ifndef GALEED_MPK_CODE_DETOUR_H
#define GALEED_MPK_CODE_DETOUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CODE_JUMP_BYTES 5 /* what takes the instruction's place */

/* Is the XRSTOR at code followed by that test? */
bool _mpk_code_is_tested(const uint8_t *code, size_t left);

/* Room for detours of code nearby: one page, writable until it is closed. */
struct code_detours {
    uint8_t *page; /* NULL: none was needed yet */
    size_t used;
};
/* Writes a jump over the instruction's copy at patch, which runs at address, and makes its
 * detour. pre: length >= CODE_JUMP_BYTES; the instruction is not relative to itself.
 * false: errno says why (ENOMEM: no room near the code; ENOTSUP: relative to itself). */
bool _mpk_code_detour(struct code_detours *detours, uint8_t *patch, uintptr_t address, unsigned length);
/* Makes the page executable and unwritable; false: errno. Nothing to do without a page. */
bool _mpk_code_detours_close(struct code_detours *detours);
void _mpk_code_detours_free(struct code_detours *detours);

#endif
