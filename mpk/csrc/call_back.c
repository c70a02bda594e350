/* call_back.c - mpk_call_back: out of foreign code that mpk_call called, onto the
 * host's stack, and back.
 *
 * Invariants: those of call_switch.c. Only functions that the host allowed are called;
 * whether one is, is asked on the host stack, where nobody can change the answer.
 *
 * Attacker: calls it with any body and argument, and from anywhere.
 *
 * Source: [Galeed] for callbacks, [Donky] for entries that are registered.
 */
#include "call_macros.h"
#include "prim.h"

void _mpk_call_back_check(void) {
    const struct thread_record *record = _mpk_started.started ? _mpk_record_of(_mpk_fs_base()) : NULL;
    if (!record || record->depth - 1 >= MPK_GATE_DEPTH || record->frames[record->depth - 1].kind != FRAME_CALL)
        _mpk_fatal("mpk_call_back is for foreign code that was called by mpk_call");
    if (record->depth == MPK_GATE_DEPTH) _mpk_fatal("%s (%d)", mpk_strerror(MPK_ENESTED), MPK_GATE_DEPTH);
}

static bool is_allowed(void (*body)(void *)) {
    for (int i = 0; i < MPK_CALLBACKS_MOST; i++)
        if (body && atomic_load(&MPK_RUNTIME->callbacks[i]) == (uintptr_t)body) return true;
    return false;
}

void _mpk_call_back_body(struct thread_record *record, void (*body)(void *), void *argument) {
    bool mprotect_backend = MPK_RUNTIME->backend == MPK_BACKEND_MPROTECT;
    if (mprotect_backend) _mpk_runner_release();
    if (is_allowed(body)) {
        body(argument);
    } else {
        struct mpk_violation v = {.kind = MPK_BOUNDARY, .access = MPK_ACCESS_EXECUTE, .address = (uintptr_t)body,
                                  .key = -1, .detail = "a callback that the host has not allowed (mpk_call_back_allow)"};
        mpk_violate(&v); /* report: it is not called all the same */
    }
    _mpk_call_drop_dead(record, (uintptr_t)__builtin_frame_address(0) - 1);
    if (!record->depth || record->frames[record->depth - 1].kind != FRAME_CALL_BACK)
        _mpk_fatal("a callback returned with gates left open");
    if (mprotect_backend) _mpk_runner_take(record->fs_base);
}

int mpk_call_back_allow(void (*body)(void *)) {
    int error;
    if (!body) return MPK_EINVALID;
    if (!mpk_host(&error)) return error;
    if (mpk_gate_is_foreign()) _mpk_fatal("foreign code called mpk_call_back_allow");
    for (int i = 0; i < MPK_CALLBACKS_MOST; i++) {
        uintptr_t found = 0;
        if (atomic_compare_exchange_strong(&MPK_RUNTIME->callbacks[i], &found, (uintptr_t)body) ||
            found == (uintptr_t)body)
            return 0;
    }
    return MPK_ENOMEM;
}

__asm__(
MPK_CALL_MACROS
".text\n"
/* r12 the body, r13 its argument, r14 the record, r15 the token of the mpk_call. What
 * foreign code had in these waits on its own stack. */
".globl mpk_call_back\n"
".type mpk_call_back, @function\n"
"mpk_call_back:\n"
"    .cfi_startproc\n"
"    .irp r, rbp, rbx, r12, r13, r14, r15\n"
"    pushq %\\r\n"
"    .cfi_adjust_cfa_offset 8\n"
"    .cfi_rel_offset \\r, 0\n"
"    .endr\n"
"    subq $24, %rsp\n"
"    .cfi_adjust_cfa_offset 24\n"
"    cld\n"
"    movq %rdi, %r12\n"
"    movq %rsi, %r13\n"
"    call _mpk_call_back_check\n"
"    mpk_save_controls\n"
"    .cfi_remember_state\n"
"    .cfi_undefined rip\n"
"    movabsq $mpk_backend_word, %rax\n"
"    cmpl $1, (%rax)\n"
"    jne 1f\n"
"    mpk_open\n"
"    jmp 2f\n"
"1:  call _mpk_call_open\n"
"    movq %rax, %r11\n"
"    movq %rdx, %rsi\n"
"    xorl %eax, %eax\n"
"2:  cmpl $64, 16(%r11)\n"
"    jae 3f\n"
"    movq %r11, %r14\n"
"    movq 0(%rsi), %r15\n"
"    leaq 24(%rsi), %rdi\n"
"    movq %rsp, %rdx\n"
"    xorl %ecx, %ecx\n"
"    mpk_push %r14, %rdi, %rdx, %eax, 2, %rcx, , %r15\n"
"    mpk_load_controls %r15\n"
"    mpk_scrub_returned\n"
"    movq %r14, %rdi\n"
"    movq %r12, %rsi\n"
"    movq %r13, %rdx\n"
"    mpk_zero eax, ecx, r8d, r9d, r10d, r11d, ebx, ebp\n"
"    call _mpk_call_back_body\n"
"    fnclex\n"
"    fldcw mpk_x87_default(%rip)\n" /* foreign code's own is loaded below */
"    mpk_scrub_vectors\n"
"    mpk_innermost %r14, %rax, %eax, %rsi, 3f\n"
"    cmpl $2, 12(%rsi)\n"
"    jne 3f\n"
"    movq 0(%rsi), %rcx\n"
"    movq %rcx, %rsp\n"
"    decl 16(%r14)\n"
"    movabsq $mpk_backend_word, %rax\n"
"    cmpl $1, (%rax)\n"
"    jne 4f\n"
"    xorl %ecx, %ecx\n"
"    rdpkru\n"
"    mpk_close\n"
"    jmp 5f\n"
"4:  movq %r14, %rdi\n"
"    call _mpk_call_close\n"
"    mpk_scrub_vectors\n"
"5:  ldmxcsr 0(%rsp)\n"
"    fldcw 4(%rsp)\n"
"    mpk_zero eax, ecx, edx, esi, edi, r8d, r9d, r10d, r11d\n"
"    .cfi_restore_state\n"
"    mpk_return\n"
"3:  ud2\n"
"    .cfi_endproc\n"
".size mpk_call_back, . - mpk_call_back\n");
