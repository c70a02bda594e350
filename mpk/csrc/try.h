/* try.h - the frame of an mpk_try, for try.c and for the fault handler. */
#ifndef GALEED_MPK_TRY_H
#define GALEED_MPK_TRY_H

#include "internal.h"

#define TRY_FRAME_BYTES 128

struct try_frame {
    uint64_t rbx, rbp, r12, r13, r14, r15;
    uint64_t rsp;         /* at entry of mpk_try: points to its return address */
    uint64_t rip;         /* that address */
    uint32_t mxcsr;
    uint16_t x87, begins; /* open mpk_begins at entry */
    uint32_t depth;       /* gates in progress at entry */
    uint32_t pkru;        /* rights at entry */
    void (*body)(void *);
    void *argument;
    uintptr_t host_high;  /* the host stack in use at entry; 0 none */
    int (*host_runs)(void);
    uint32_t keeps_callbacks;
    uint8_t rest[TRY_FRAME_BYTES - 116];
};

/* pre: record->tries > 0. */
struct try_frame *_mpk_try_innermost(const struct thread_record *record);
/* May the innermost try not be unwound to, since a callback that it keeps is in progress?
 * pre: record->tries > 0. */
bool _mpk_try_is_held(const struct thread_record *record);
/* Undoes the gates since the innermost try: depth, and on mprotect rights and
 * runner. On pku the rights are the caller's business: they are the returned
 * frame's, by WRPKRU or in a signal frame. pre: host rights. */
struct try_frame *_mpk_try_leave(struct thread_record *record);
/* Code to continue at, with RDI = frame, RSI = record: mpk_try returns 1. */
void _mpk_try_resume(struct try_frame *frame, struct thread_record *record) __attribute__((visibility("hidden")));

#endif
