/* scan.c - the search for instructions that change rights, at every byte offset.
 *
 * Invariant: what is found depends on the bytes alone, never on where instructions
 * were meant to begin: an attacker may jump anywhere, in 64-bit code or, by a far
 * call, in 32-bit code (where 0F 01 EF and 0F AE mean the same).
 *
 * Each gadget has 0F and one of three bytes behind it: both are looked for, sixteen
 * offsets at a time. That pair is rare, so the exact question is asked seldom.
 *
 * Attacker: chooses every byte; may lay gadgets over one another. Not known here:
 * REX2 (APX), which spells 0F otherwise; harden_code.c refuses such a CPU.
 *
 * Source: [SDM 2A 2.1] prefixes, [SDM 2A 2.1.5] ModRM, [SDM 2] the instructions.
 */
#include <emmintrin.h>
#include <stdbool.h>
#include "mpk_scan.h"

struct modrm {
    unsigned mod, reg;
};

static struct modrm modrm_of(uint8_t byte) {
    return (struct modrm){byte >> 6, (byte >> 3) & 7};
}

/* A prefix that an instruction with the mandatory prefix F3 may hold as well. LOCK (F0)
 * is none: it makes these undefined. */
static bool is_harmless_prefix(uint8_t byte) {
    switch (byte) {
    case 0x26: case 0x2E: case 0x36: case 0x3E: case 0x64: case 0x65: case 0x66: case 0x67: return true;
    default: return byte >= 0x40 && byte <= 0x4F; /* REX, which counts or is ignored by its place */
    }
}

/* The F3 that a register form of 0F AE at code + at needs; its offset, or at when there is
 * none. Other prefixes may stand between, F2 not: the last of the two counts. */
static size_t mandatory_f3(const uint8_t *code, size_t at) {
    size_t longest = MPK_GADGET_BYTES - 3;
    for (size_t back = 1; back <= longest && back <= at; back++) {
        if (code[at - back] == 0xF3) return at - back;
        if (!is_harmless_prefix(code[at - back])) break;
    }
    return at;
}

/* Is there a gadget whose 0F is at code + at? pre: three bytes are there. */
static bool gadget_at(const uint8_t *code, size_t at, struct mpk_scan_hit *hit) {
    struct modrm modrm = modrm_of(code[at + 2]);
    *hit = (struct mpk_scan_hit){.offset = at, .bytes = 3};
    switch (code[at + 1]) {
    case 0x01:
        hit->gadget = MPK_GADGET_WRPKRU;
        return code[at + 2] == 0xEF;
    case 0xC7:
        hit->gadget = MPK_GADGET_XRSTORS;
        return modrm.mod != 3 && modrm.reg == 3;
    case 0xAE:
        if (modrm.mod != 3) {
            hit->gadget = MPK_GADGET_XRSTOR;
            return modrm.reg == 5;
        }
        if (modrm.reg != 2 && modrm.reg != 3) return false;
        hit->gadget = modrm.reg == 2 ? MPK_GADGET_WRFSBASE : MPK_GADGET_WRGSBASE;
        hit->offset = mandatory_f3(code, at);
        hit->bytes = (uint32_t)(at - hit->offset) + 3;
        return hit->offset != at;
    default: return false;
    }
}

/* Bit i: code[i] is 0F and code[i + 1] may go on. pre: seventeen bytes are there. */
static unsigned candidates(const uint8_t *code) {
    __m128i first = _mm_loadu_si128((const __m128i *)code);
    __m128i second = _mm_loadu_si128((const __m128i *)(code + 1));
    __m128i goes_on = _mm_or_si128(_mm_cmpeq_epi8(second, _mm_set1_epi8(0x01)),
                                   _mm_or_si128(_mm_cmpeq_epi8(second, _mm_set1_epi8((char)0xAE)),
                                                _mm_cmpeq_epi8(second, _mm_set1_epi8((char)0xC7))));
    __m128i both = _mm_and_si128(_mm_cmpeq_epi8(first, _mm_set1_epi8(0x0F)), goes_on);
    return (unsigned)_mm_movemask_epi8(both);
}

int mpk_scan(const uint8_t *code, size_t bytes, int (*visit)(const struct mpk_scan_hit *, void *), void *context) {
    struct mpk_scan_hit hit;
    size_t at = 0;
    for (; bytes - at >= 18; at += 16) { /* sixteen offsets, and two bytes behind the last */
        for (unsigned found = candidates(code + at); found; found &= found - 1) {
            if (!gadget_at(code, at + (unsigned)__builtin_ctz(found), &hit)) continue;
            int verdict = visit(&hit, context);
            if (verdict) return verdict;
        }
    }
    for (; bytes - at >= 3; at++) {
        if (code[at] != 0x0F || !gadget_at(code, at, &hit)) continue;
        int verdict = visit(&hit, context);
        if (verdict) return verdict;
    }
    return 0;
}

struct list {
    struct mpk_scan_hit *hits;
    size_t count, room, start;
};

static int list_hit(const struct mpk_scan_hit *hit, void *context) {
    struct list *list = context;
    list->hits[list->count] = *hit;
    list->hits[list->count++].offset += list->start;
    return list->count == list->room;
}

size_t mpk_scan_list(const uint8_t *code, size_t bytes, size_t *from, struct mpk_scan_hit *hits, size_t room) {
    struct list list = {.hits = hits, .room = room, .start = *from};
    bool full = mpk_scan(code + *from, bytes - *from, list_hit, &list);
    const struct mpk_scan_hit *last = hits + list.count - 1;
    /* Behind the last hit's 0F. Prefixes of a later hit lie behind what follows that 0F,
     * for 01, AE and C7 are no prefixes: starting there hides none. */
    *from = full ? last->offset + last->bytes - 2 : bytes;
    return list.count;
}

const char *mpk_gadget_name(uint32_t gadget) {
    switch ((enum mpk_gadget)gadget) {
    case MPK_GADGET_WRPKRU: return "WRPKRU";
    case MPK_GADGET_XRSTOR: return "XRSTOR";
    case MPK_GADGET_XRSTORS: return "XRSTORS";
    case MPK_GADGET_WRFSBASE: return "WRFSBASE";
    case MPK_GADGET_WRGSBASE: return "WRGSBASE";
    }
    return "unknown";
}
