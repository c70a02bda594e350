/* report_hook.c - calls the report hook, where a signal stack would be too small for it.
 *
 * Invariants: a hook never runs inside a hook of the same thread, and nothing unwinds out of
 * one: thread_record.hook_tries is not 0 exactly while it runs. The gates' short way is closed
 * meanwhile (plain_gates), so that the long one finds the stack it must refuse.
 *
 * Attacker: chooses when a violation happens. The hook and its stack are out of reach of
 * foreign code: both lie where only the host writes.
 */
#include "record.h"
#include "report_hook.h"

#define HOOK_STACK_BYTES ((size_t)1 << 20)

/* Calls hook(violation) on the stack that begins there. */
void _mpk_report_hook_on(void (*hook)(const struct mpk_violation *), const struct mpk_violation *violation,
                         uintptr_t stack) __attribute__((visibility("hidden")));
__asm__(".text\n.globl _mpk_report_hook_on\n.hidden _mpk_report_hook_on\n.type _mpk_report_hook_on, @function\n"
        "_mpk_report_hook_on:\n"
        ".cfi_startproc\n"
        "    pushq %rbp\n"
        ".cfi_adjust_cfa_offset 8\n"
        ".cfi_rel_offset %rbp, 0\n"
        "    movq %rsp, %rbp\n"
        ".cfi_def_cfa_register %rbp\n"
        "    movq %rdi, %rax\n"
        "    movq %rsi, %rdi\n"
        "    movq %rdx, %rsp\n"
        "    cld\n"
        "    call *%rax\n"
        "    movq %rbp, %rsp\n"
        "    popq %rbp\n"
        ".cfi_def_cfa %rsp, 8\n"
        "    ret\n"
        ".cfi_endproc\n"
        ".size _mpk_report_hook_on, . - _mpk_report_hook_on\n");

static bool has_stack(struct thread_record *record) {
    mpk_domain *host = atomic_load(&MPK_RUNTIME->host);
    if (!record->hook_stack && host) {
        uintptr_t low = (uintptr_t)mpk_domain_private(host, HOOK_STACK_BYTES);
        if (low) record->hook_stack = (low + HOOK_STACK_BYTES) & ~(uintptr_t)15;
    }
    return record->hook_stack != 0;
}

bool _mpk_report_hook_holds(const struct thread_record *record) {
    return record->hook_tries && record->tries < record->hook_tries;
}

void _mpk_report_hook_call(struct thread_record *record, const struct mpk_violation *violation) {
    void (*hook)(const struct mpk_violation *) = MPK_RUNTIME->report_hook;
    if (!hook || record->hook_tries) return;
    if (!has_stack(record)) _mpk_fatal("no memory is left for the stack of the report hook");
    uint32_t plain = record->plain_gates;
    record->plain_gates = MPK_BACKEND_NONE;
    record->hook_tries = record->tries + 1;
    _mpk_report_hook_on(hook, violation, record->hook_stack);
    record->hook_tries = 0;
    record->plain_gates = plain;
}
