/* trap.h - what fault.c needs of trap.c. */
#ifndef GALEED_MPK_TRAP_OWN_H
#define GALEED_MPK_TRAP_OWN_H

#include "internal.h"
#include "mpk_trap.h"

enum trap_outcome {
    TRAP_NOT_SERVED,
    TRAP_SERVED,   /* the frame says where to go on */
    TRAP_VIOLATED, /* *violation is complete but for the report */
};

/* Offers a fault of foreign code to the server. pre: the thread's rights were closed at the fault.
 * record: the thread's; NULL: made, as one of foreign code's. post: rights are as before, but
 * on mprotect open after TRAP_VIOLATED. */
enum trap_outcome _mpk_trap_fault(void *context, struct thread_record *record, struct mpk_trap **trap);
/* The same after policy report has let the program go on. */
enum trap_outcome _mpk_trap_reported(struct mpk_trap *trap);
/* Does the thread perform something for the server? Callable with rights closed. */
bool _mpk_trap_is_running(const struct thread_record *record);
/* pre: it does, and this signal has come. TRAP_SERVED: it was the end that was waited for.
 * TRAP_NOT_SERVED: the frame says again what it said before, and the signal is another's. */
enum trap_outcome _mpk_trap_signal(struct thread_record *record, int signal_number, int code, void *context,
                                   struct mpk_trap **trap);

#endif
