/* call_switch.c - the instructions of mpk_call that change stacks and rights.
 *
 * Invariants:
 *  - No stack is touched with the other side's rights: going out, the stack pointer
 *    moves first, then WRPKRU closes; coming back, WRPKRU opens, then it moves. In
 *    between nothing is pushed, popped or called.
 *  - The record says "foreign" from after the stack pointer left the host stack until
 *    just before it comes back. A signal handler is judged by the record, so that one
 *    on the host stack always gets its stack. (One that arrives in the single
 *    instruction between runs as the host on the foreign stack: THREAT_MODEL.md.)
 *  - Every WRPKRU is followed by a comparison with protected state, found again from
 *    the FS base register and constants. A jump into the middle, with any registers,
 *    ends in UD2 (SIGILL) or does what the whole sequence would have done. UD2, since
 *    there is no stack that could be trusted to call anything on.
 *  - Nothing of the host is in a register when foreign code gets control: general,
 *    vector, mask, MMX/x87, and the status of both floating-point units.
 *
 * mprotect: rights change by system calls, which need a stack; that is the foreign one,
 * safe while this thread is the one runner.
 *
 * CFI: unwinders stop at foreign code (undefined rip), see mpk_call.h.
 *
 * Source: [SDM 2, WRPKRU, RDFSBASE, EMMS], [psABI 3.2.1], [ERIM] for the comparison.
 */
#include "call_macros.h"

__asm__(
MPK_CALL_MACROS
/* What both backends begin with: the host's registers onto its stack; rbx the record,
 * rbp the foreign stack's top, r12 the token, r13 the new frame, r15 the name. */
".macro mpk_call_begin\n"
"    .cfi_startproc\n"
"    .irp r, rbp, rbx, r12, r13, r14, r15, rsi\n"
"    pushq %\\r\n"
"    .cfi_adjust_cfa_offset 8\n"
"    .cfi_rel_offset \\r, 0\n"
"    .endr\n"
"    subq $16, %rsp\n"
"    .cfi_adjust_cfa_offset 16\n"
"    mpk_save_controls\n"
"    mpk_scrub_vectors\n"
"    movq %rdx, %rbx\n"
"    movq %rcx, %rbp\n"
"    movq %rsp, %r12\n"
"    movl 16(%rbx), %eax\n"
"    leaq (%rax,%rax,2), %rax\n"
"    leaq 256(%rbx,%rax,8), %r13\n"
"    movq 8(%rdi), %r15\n"
".endm\n"

".macro mpk_load_doubles offset, base\n"
"    .irp n, 0,1,2,3,4,5,6,7\n"
"    movsd \\offset+8*\\n(\\base), %xmm\\n\n"
"    .endr\n"
".endm\n"

".text\n"

".hidden _mpk_stack_switch\n"
".globl _mpk_stack_switch\n"
".type _mpk_stack_switch, @function\n"
"_mpk_stack_switch:\n"
"    .cfi_startproc\n"
"    pushq %rbp\n"
"    .cfi_adjust_cfa_offset 8\n"
"    .cfi_rel_offset rbp, 0\n"
"    movq %rsp, %rbp\n"
"    .cfi_def_cfa_register rbp\n" /* so that unwinders find the way across the stacks */
"    movq %rdi, %rsp\n"
"    movq %rdx, %rdi\n"
"    call *%rsi\n"
"    movq %rbp, %rsp\n"
"    popq %rbp\n"
"    .cfi_def_cfa rsp, 8\n"
"    ret\n"
"    .cfi_endproc\n"
".size _mpk_stack_switch, . - _mpk_stack_switch\n"

".hidden _mpk_call_scrub\n"
".globl _mpk_call_scrub\n"
".type _mpk_call_scrub, @function\n"
"_mpk_call_scrub:\n"
"    .cfi_startproc\n"
"    subq $24, %rsp\n"
"    .cfi_adjust_cfa_offset 24\n"
"    mpk_save_controls\n"
"    mpk_scrub_vectors\n"
"    mpk_load_controls %rsp\n"
"    mpk_zero eax, ecx, edx, esi, edi, r8d, r9d, r10d, r11d\n"
"    addq $24, %rsp\n"
"    .cfi_adjust_cfa_offset -24\n"
"    ret\n"
"    .cfi_endproc\n"
".size _mpk_call_scrub, . - _mpk_call_scrub\n"

".hidden _mpk_call_pku\n"
".globl _mpk_call_pku\n"
".type _mpk_call_pku, @function\n"
"_mpk_call_pku:\n"
"    mpk_call_begin\n"
"    xorl %ecx, %ecx\n"
"    rdpkru\n"
"    movl %eax, %r14d\n"
"    mpk_push %rbx, %r13, %r12, %r14d, 3, %r15, %rbp\n"
"    .cfi_remember_state\n"
"    .cfi_undefined rip\n"
"    movq 0(%rdi), %r11\n"
"    mpk_load_doubles 64, %rdi\n"
"    movq 24(%rdi), %rsi\n"
"    movq 32(%rdi), %r10\n" /* rdx and rcx are WRPKRU's: their arguments wait */
"    movq 40(%rdi), %r15\n"
"    movq 48(%rdi), %r8\n"
"    movq 56(%rdi), %r9\n"
"    movq 16(%rdi), %rdi\n"
"    movl %r14d, %eax\n"
"    mpk_close\n"
"    movq %r10, %rdx\n"
"    movq %r15, %rcx\n"
"    mpk_zero ebx, ebp, r10d, r12d, r13d, r14d, r15d\n"
"    movl $8, %eax\n" /* vector registers, for functions without a fixed count of arguments */
"    call *%r11\n"
"    movq %rax, %r8\n"
"    movq %rdx, %r9\n"
"    mpk_open\n"
"    movq 0(%rsi), %rax\n"
"    decl 16(%r11)\n"
"    movq %rax, %rsp\n"
/* Home: on the host stack, with its rights; results in r8, r9, xmm0, xmm1. */
"mpk_call_home:\n"
"    .cfi_restore_state\n"
"    movq 16(%rsp), %rcx\n"
"    movq %r8, 0(%rcx)\n"
"    movq %r9, 8(%rcx)\n"
"    movsd %xmm0, 16(%rcx)\n"
"    movsd %xmm1, 24(%rcx)\n"
"    cld\n"
"    mpk_load_controls %rsp\n"
"    mpk_scrub_returned\n"
"    mpk_zero eax, ecx, edx, esi, edi, r8d, r9d, r10d, r11d\n"
"    mpk_return\n"
"    .cfi_endproc\n"
".size _mpk_call_pku, . - _mpk_call_pku\n"

/* Arguments wait on the foreign stack, where they are going anyway. */
".hidden _mpk_call_mprotect\n"
".globl _mpk_call_mprotect\n"
".type _mpk_call_mprotect, @function\n"
"_mpk_call_mprotect:\n"
"    mpk_call_begin\n"
"    xorl %r14d, %r14d\n"
"    mpk_push %rbx, %r13, %r12, %r14d, 3, %r15, %rbp\n"
"    .cfi_undefined rip\n"
"    subq $128, %rsp\n"
"    movq 0(%rdi), %rax\n"
"    movq %rax, 0(%rsp)\n"
"    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13\n" /* six integers, eight doubles */
"    movq 16+8*\\n(%rdi), %rax\n"
"    movq %rax, 8+8*\\n(%rsp)\n"
"    .endr\n"
"    movq %rbx, %rdi\n"
"    call _mpk_call_close\n"
"    mpk_scrub_vectors\n"
"    mpk_load_doubles 56, %rsp\n"
"    movq 0(%rsp), %r11\n"
"    movq 8(%rsp), %rdi\n"
"    movq 16(%rsp), %rsi\n"
"    movq 24(%rsp), %rdx\n"
"    movq 32(%rsp), %rcx\n"
"    movq 40(%rsp), %r8\n"
"    movq 48(%rsp), %r9\n"
"    addq $128, %rsp\n"
"    mpk_zero ebx, ebp, r10d, r12d, r13d, r14d, r15d\n"
"    movl $8, %eax\n"
"    call *%r11\n"
"    cld\n" /* C code of ours comes next */
"    subq $32, %rsp\n"
"    movq %rax, 0(%rsp)\n"
"    movq %rdx, 8(%rsp)\n"
"    movsd %xmm0, 16(%rsp)\n"
"    movsd %xmm1, 24(%rsp)\n"
"    call _mpk_call_open\n" /* rax the record, rdx the frame */
"    movq 0(%rsp), %r8\n"
"    movq 8(%rsp), %r9\n"
"    movsd 16(%rsp), %xmm0\n"
"    movsd 24(%rsp), %xmm1\n"
"    movq 0(%rdx), %rcx\n"
"    decl 16(%rax)\n"
"    movq %rcx, %rsp\n"
"    jmp mpk_call_home\n"
"    .cfi_endproc\n"
".size _mpk_call_mprotect, . - _mpk_call_mprotect\n");
