/* own_stack.h - functions of the layer above that run on a stack of the runtime's own, where a
 * signal stack would be too small for them. */
#ifndef GALEED_MPK_OWN_STACK_H
#define GALEED_MPK_OWN_STACK_H

#include "internal.h"

/* A stack inside the host domain, made at the first use: *stack becomes its end, aligned to 16.
 * false: no memory, or no host domain. pre: host rights. */
bool _mpk_own_stack(uintptr_t *stack, size_t bytes);
/* Calls function(argument), of any pointer type, on the stack that ends there. Returns what it
 * left in the register of results. pre: host rights; nobody else is on that stack. */
uintptr_t _mpk_on_own_stack(void (*function)(void), const void *argument, uintptr_t stack)
    __attribute__((visibility("hidden")));

#endif
