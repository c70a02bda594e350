/* call.h - between call.c and the assembler of call_switch.c. */
#ifndef GALEED_MPK_CALL_INTERNAL_H
#define GALEED_MPK_CALL_INTERNAL_H

#include "internal.h"

/* What this CPU and kernel have, each with all before it: which registers to scrub. */
enum call_scrub { SCRUB_UNKNOWN = 0, SCRUB_SSE = 1, SCRUB_AVX = 2, SCRUB_AVX512 = 3, SCRUB_AMX = 4 };

/* call_switch.c. pre: on a host stack; the record has room for a frame; foreign_top is
 * aligned to 16. mprotect: the calling thread is the runner. */
void _mpk_call_pku(const struct mpk_call *call, struct mpk_call_result *result, struct thread_record *record,
                   uintptr_t foreign_top);
void _mpk_call_mprotect(const struct mpk_call *call, struct mpk_call_result *result, struct thread_record *record,
                        uintptr_t foreign_top);
/* Calls body(argument) with the stack pointer at top, aligned to 16. */
void _mpk_stack_switch(uintptr_t top, void (*body)(void *), void *argument);
/* The scrub alone, to be measured: all registers that a call may change. */
void _mpk_call_scrub(void);

/* call.c and call_back.c, called by the assembler. mprotect, on the foreign stack: */
void _mpk_call_close(struct thread_record *record);
struct call_opened { struct thread_record *record; struct gate_frame *frame; };
struct call_opened _mpk_call_open(void);
/* On the foreign stack, rights closed: refuses in words what the assembler refuses by UD2. */
void _mpk_call_back_check(void);
/* On the host stack. */
void _mpk_call_back_body(struct thread_record *record, void (*body)(void *), void *argument);

/* Frames at and behind one whose place on this host stack has been reused: a panic or
 * longjmp went past them. */
static inline void _mpk_call_drop_dead(struct thread_record *record, uintptr_t here) {
    for (uint32_t i = record->depth; i-- > 0;) {
        uintptr_t token = record->frames[i].token;
        if (token - record->host_low >= record->host_high - record->host_low) continue;
        if (token > here) return;
        record->depth = i;
    }
}

#endif
