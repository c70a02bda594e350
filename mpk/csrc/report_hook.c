/* report_hook.c - calls the report hook, where a signal stack would be too small for it.
 *
 * Invariants: a hook never runs inside a hook of the same thread, and nothing unwinds out of
 * one: thread_record.hook_tries is not 0 exactly while it runs. The gates' short way is closed
 * meanwhile (plain_gates), so that the long one finds the stack it must refuse.
 *
 * Attacker: chooses when a violation happens. The hook and its stack are out of reach of
 * foreign code: both lie where only the host writes.
 */
#include "own_stack.h"
#include "record.h"
#include "report_hook.h"

#define HOOK_STACK_BYTES ((size_t)1 << 20)

bool _mpk_report_hook_holds(const struct thread_record *record) {
    return record->hook_tries && record->tries < record->hook_tries;
}

void _mpk_report_hook_call(struct thread_record *record, const struct mpk_violation *violation) {
    void (*hook)(const struct mpk_violation *) = MPK_RUNTIME->report_hook;
    if (!hook || record->hook_tries) return;
    if (!_mpk_own_stack(&record->hook_stack, HOOK_STACK_BYTES)) _mpk_fatal("no memory is left for the stack of the report hook");
    uint32_t plain = record->plain_gates;
    record->plain_gates = MPK_BACKEND_NONE;
    record->hook_tries = record->tries + 1;
    _mpk_on_own_stack((void (*)(void))hook, violation, record->hook_stack);
    record->hook_tries = 0;
    record->plain_gates = plain;
}
