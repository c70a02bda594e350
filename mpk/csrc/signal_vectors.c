/* signal_vectors.c - vector and mask registers in the XSAVE area of a signal frame.
 *
 * A register is in three parts: 16 bytes in the legacy area, 16 in the component of AVX, 32
 * in one of AVX-512; those from 16 on are whole in another. A component that the header does not
 * name is in its initial state, all zero, whatever lies there: so it is cleared before the first
 * write into it.
 *
 * Source: [SDM 1 13.4, 13.5]: the standard format, which the kernel's signal frames have.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <string.h>
#include "internal.h"
#include "signal_frame.h"

#define CPUID_XSTATE 0xd
#define LEGACY_VECTORS 160
#define SOFTWARE_BYTES 464
#define HEADER 512
#define MAGIC1 0x46505853u
enum { SSE = 1, AVX = 2, MASKS = 5, HIGH_HALVES = 6, HIGH_SIXTEEN = 7 };

struct software_bytes { uint32_t magic1, extended_bytes; uint64_t features; uint32_t xstate_bytes; };
struct place { uint32_t component, offset, bytes, to; };

void _mpk_xsave_learn(struct xsave_part *parts) {
    unsigned ecx, edx;
    parts[SSE] = (struct xsave_part){LEGACY_VECTORS, 256};
    for (unsigned i = AVX; i < MPK_XSAVE_PARTS; i++)
        if (!__get_cpuid_count(CPUID_XSTATE, i, &parts[i].bytes, &parts[i].offset, &ecx, &edx))
            parts[i] = (struct xsave_part){0, 0};
}

uint32_t _mpk_xsave_bytes(const uint8_t *area) {
    struct software_bytes software;
    memcpy(&software, area + SOFTWARE_BYTES, sizeof software);
    return software.magic1 == MAGIC1 ? software.xstate_bytes : 0;
}

/* false: this CPU or this frame has no such component. */
static bool place(uint32_t limit, uint32_t component, uint32_t index, uint32_t bytes, uint32_t to, struct place *out) {
    const struct xsave_part *part = &MPK_RUNTIME->xsave[component];
    if (!part->bytes || part->offset > limit || part->bytes > limit - part->offset) return false;
    *out = (struct place){component, part->offset + index * bytes, bytes, to};
    return (index + 1) * bytes <= part->bytes;
}

/* The parts of a register; returns how many there are. */
static int places_of(uint32_t limit, uint32_t number, struct place *out) {
    int count = 0;
    if (number >= 16) return place(limit, HIGH_SIXTEEN, number - 16, 64, 0, out);
    count += place(limit, SSE, number, 16, 0, out + count);
    count += place(limit, AVX, number, 16, 16, out + count);
    count += place(limit, HIGH_HALVES, number, 32, 32, out + count);
    return count;
}

static uint64_t present(const uint8_t *area) {
    uint64_t bits;
    memcpy(&bits, area + HEADER, sizeof bits);
    return bits;
}

void _mpk_xsave_get(const uint8_t *area, uint32_t limit, uint32_t number, uint8_t *bytes) {
    struct place places[3];
    memset(bytes, 0, 64);
    for (int i = 0, count = places_of(limit, number, places); i < count; i++)
        if (present(area) >> places[i].component & 1)
            memcpy(bytes + places[i].to, area + places[i].offset, places[i].bytes);
}

void _mpk_xsave_set(uint8_t *area, uint32_t limit, uint32_t number, const uint8_t *bytes) {
    struct place places[3];
    for (int i = 0, count = places_of(limit, number, places); i < count; i++) {
        const struct xsave_part *part = &MPK_RUNTIME->xsave[places[i].component];
        uint64_t bits = present(area);
        if (!(bits >> places[i].component & 1)) memset(area + part->offset, 0, part->bytes);
        bits |= (uint64_t)1 << places[i].component;
        memcpy(area + HEADER, &bits, sizeof bits);
        memcpy(area + places[i].offset, bytes + places[i].to, places[i].bytes);
    }
}

uint64_t _mpk_xsave_mask(const uint8_t *area, uint32_t limit, uint32_t number) {
    struct place where;
    uint64_t mask = 0;
    if (!place(limit, MASKS, number, 8, 0, &where) || !(present(area) >> MASKS & 1)) return 0;
    memcpy(&mask, area + where.offset, sizeof mask);
    return mask;
}
