/* fault_chain.h - whoever handled a signal before us. */
#ifndef GALEED_MPK_FAULT_CHAIN_H
#define GALEED_MPK_FAULT_CHAIN_H

#include <signal.h>
#include "internal.h"

/* Installs handler and keeps who was there. errors: EKERNEL. */
int _mpk_fault_take_over(int signal_number, void (*handler)(int, siginfo_t *, void *),
                         struct previous_handler *previous);
/* The default action again, where it is still the handler. Returns whether it was. */
bool _mpk_fault_give_back(int signal_number, void (*handler)(int, siginfo_t *, void *));
/* Does with a signal that is not ours what the kernel would have done with it.
 * previous: a copy; guarded memory may be closed by now. */
void _mpk_fault_pass_on(const struct previous_handler *previous, int signal_number, siginfo_t *info, void *context);
/* Says it when the address is where the thread's stack ends. pre: the thread is foreign. */
void _mpk_fault_say_overflow(const struct thread_record *record, uintptr_t address);

#endif
