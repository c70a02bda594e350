/* planted_uaf.c - use after free: keeps a pointer beyond the call it was lent for.
 *
 * A callback context, a registered buffer, a cache: C holds on to the pointer,
 * the owner drops the memory, and C uses it again. Source: [CWE-416].
 */
#include <stdint.h>

static uint64_t *kept;

void planted_keep(uint64_t *session) {
    kept = session;
    kept[0] += 1;
}

uint64_t planted_use_kept(uint64_t value) {
    uint64_t before = kept[1];
    kept[1] = value;
    return before;
}
