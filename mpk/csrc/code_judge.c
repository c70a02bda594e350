/* code_judge.c - tells the gadgets that may stay, that can go, and that are in the way.
 *
 * Invariant: a gadget may stay only when the instructions right behind it stop whoever
 * ran it with a value of his own; it is changed only where it is a whole instruction of
 * a function that was walked from its start, and whose use is known.
 *
 * Attacker: chose the bytes; a list of sites that he brings along is not ours.
 *
 * Source: [ERIM].
 */
#include <string.h>
#include "code_detour.h"
#include "code_judge.h"

#define WRPKRU_BYTES 3
#define XSTATE_PKRU (1u << 9) /* in XRSTOR's EAX */
#define COMPATIBILITY_BYTES ((uintptr_t)1 << 32) /* what 32-bit code can reach */

/* The sites that pkru.h lists: distances from the entry to the instruction. Absent when
 * no object of the program has any. */
#define SITES(name) __attribute__((weak, visibility("hidden"))) name[]
extern const int32_t SITES(__start_galeed_wrpkru);
extern const int32_t SITES(__stop_galeed_wrpkru);
extern const int32_t SITES(__start_galeed_wrpkru_bare);
extern const int32_t SITES(__stop_galeed_wrpkru_bare);

static bool is_listed(const int32_t *entry, const int32_t *end, uintptr_t address) {
    for (; entry < end; entry++)
        if ((uintptr_t)entry + (uintptr_t)(intptr_t)*entry == address) return true;
    return false;
}

static void judge_wrpkru(struct code_judged *out) {
    const char *symbol = out->place.symbol;
    if (is_listed(__start_galeed_wrpkru, __stop_galeed_wrpkru, out->at)) {
        /* A far call would run the comparison behind it as other, 32-bit instructions. */
        if (out->at >= COMPATIBILITY_BYTES) out->verdict = CODE_LEAVE;
        else out->why = "32-bit code can reach it; link the program as position-independent (PIE)";
    } else if (is_listed(__start_galeed_wrpkru_bare, __stop_galeed_wrpkru_bare, out->at)) {
        out->verdict = CODE_TAKE_OUT;
        out->place.instruction = out->at;
        out->place.length = WRPKRU_BYTES;
    } else if (out->place.instruction == out->at && symbol && !strcmp(symbol, "pkey_set")) {
        out->verdict = CODE_TAKE_OUT; /* the C library's, which would open any key for anybody */
    }
}

/* MOV EAX, mask without PKRU's bit; XOR EDX, EDX right before: how the C library saves and
 * restores registers around its resolvers, also where it is linked in statically. */
static bool leaves_rights(const uint8_t *code, size_t before) {
    static const uint8_t clear_edx[] = {0x31, 0xD2};
    uint32_t mask;
    if (before < 1 + sizeof mask + sizeof clear_edx) return false;
    const uint8_t *load = code - sizeof clear_edx - sizeof mask - 1;
    memcpy(&mask, load + 1, sizeof mask);
    return load[0] == 0xB8 && !(mask & XSTATE_PKRU) && !memcmp(code - sizeof clear_edx, clear_edx, sizeof clear_edx);
}

static void judge_xrstor(const struct code_view *view, struct code_judged *out) {
    size_t offset = out->at - view->start;
    if (_mpk_code_is_tested(view->bytes + offset, view->count - offset)) out->verdict = CODE_LEAVE;
    else if ((out->place.loader || leaves_rights(view->bytes + offset, offset)) &&
             out->place.instruction == out->at && out->place.length >= CODE_JUMP_BYTES)
        out->verdict = CODE_DETOUR; /* lazy binding, TLS descriptors */
}

static const char *why_refused(const struct code_judged *judged, uintptr_t hit) {
    const struct code_place *place = &judged->place;
    if (!place->function) return "where its function begins is not known; no code but that of loaded objects may be there";
    if (!place->instruction) return "its function could not be walked; do without this object, or build it anew";
    if (place->instruction == judged->at || place->instruction == hit)
        return "somebody may need this instruction; do without the object, or build it anew";
    return "it lies inside another instruction; do without this object, or build it anew";
}

void _mpk_code_judge(const struct code_view *view, const struct mpk_scan_hit *hit, struct code_judged *out) {
    *out = (struct code_judged){.verdict = CODE_REFUSE, .at = view->start + hit->offset + hit->bytes - 3};
    if (hit->gadget == MPK_GADGET_XRSTORS) {
        out->verdict = CODE_LEAVE;
        return;
    }
    _mpk_code_place(view, out->at, &out->place);
    if (hit->gadget == MPK_GADGET_WRPKRU) judge_wrpkru(out);
    if (hit->gadget == MPK_GADGET_XRSTOR) judge_xrstor(view, out);
    if (out->verdict == CODE_REFUSE && !out->why) out->why = why_refused(out, view->start + hit->offset);
}
