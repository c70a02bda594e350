/* code_judge.h - what a hit of the scanner means in this process, and what is done about it.
 *
 * Source: [ERIM], whose three cases these are: guarded, removable, in the way.
 */
#ifndef GALEED_MPK_CODE_JUDGE_H
#define GALEED_MPK_CODE_JUDGE_H

#include "code_place.h"
#include "mpk_scan.h"

enum code_verdict {
    CODE_LEAVE,    /* no danger: compared or tested right behind, or faults in user mode */
    CODE_TAKE_OUT, /* a whole instruction that nobody needs */
    CODE_DETOUR,   /* a whole XRSTOR that is needed: goes to a tested copy (code_detour.h) */
    CODE_REFUSE,
};
struct code_judged {
    enum code_verdict verdict;
    uintptr_t at;            /* of its 0F */
    const char *why;         /* CODE_REFUSE: a clause for people */
    struct code_place place; /* instruction and length are set unless left or refused */
};
void _mpk_code_judge(const struct code_view *view, const struct mpk_scan_hit *hit, struct code_judged *out);

#endif
