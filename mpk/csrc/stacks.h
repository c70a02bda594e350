/* stacks.h - the stacks of a thread beside its own: host, foreign, signal.
 *
 * A *host stack* lies inside the host domain: foreign code can neither read nor
 * write it. A *foreign stack* is ordinary memory, one per thread, on which
 * mpk_call runs foreign code. Both have a guard page below.
 *
 * Their bounds are in the thread's record (published range), so that gates and
 * fault handler know them while memory is closed.
 */
#ifndef GALEED_MPK_STACKS_H
#define GALEED_MPK_STACKS_H

#include "internal.h"

#define MPK_HOST_STACK_DEFAULT ((size_t)1 << 20)
#define MPK_HOST_STACK_LEAST ((size_t)64 << 10) /* room for signal frames with all registers */
#define MPK_HOST_STACK_MOST ((size_t)1 << 30)

/* Begins and ends the use of a host stack: record, plain gates. enter takes an idle
 * stack or makes one; here: the caller's stack pointer. errors: ENOMEM.
 * pre: host rights. */
int _mpk_stacks_enter(struct thread_record *record, size_t bytes, uintptr_t here);
/* Makes so many host stacks of the default size, for later. errors: ENOMEM. */
int _mpk_stacks_make_idle(size_t count);
/* Leaves host stacks until the one with this top (0: none) is in use. */
void _mpk_stacks_leave(struct thread_record *record, uintptr_t host_high);
/* A panic or longjmp may have left host stacks behind: leaves them when the address,
 * which the caller runs at, is on the thread's own stack. */
void _mpk_stacks_settle(struct thread_record *record, uintptr_t address);
/* Where the next foreign call's frames may begin: below all that lives on the foreign
 * stack. pre: on a host stack. */
uintptr_t _mpk_stacks_foreign_top(struct thread_record *record);
/* The thread's foreign stack, made at the first call, and its signal stack if it has
 * none. errors: ENOMEM, EKERNEL. */
int _mpk_stacks_prepare(struct thread_record *record);
/* A thread ended (own: this one), or fork left it behind. pre: host rights; with own
 * false extent_lock is held. */
void _mpk_stacks_release(struct thread_record *record, bool own);
/* Fatal, in words, when the address is in a guard page of this thread's stacks. */
void _mpk_stacks_overflow(const struct thread_record *record, uintptr_t address);

#endif
