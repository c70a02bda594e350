/* planted_stale.c - the unintended access: an address that was never lent.
 *
 * Keeps an address that it was told as a number (for a log, an identifier, a
 * map key) and writes through it later. No pointer ever crossed the boundary,
 * so the caller never meant to share the object. Source: [Galeed].
 */
#include <stdint.h>

static uintptr_t remembered;

void planted_remember(uintptr_t address) {
    remembered = address;
}

void planted_write_remembered(uint64_t value) {
    *(volatile uint64_t *)remembered = value;
}
