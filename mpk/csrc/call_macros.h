/* call_macros.h - the steps that call_switch.c and call_back.c are put together of.
 *
 * See call_switch.c for what they keep. Labels 66 to 81 are theirs.
 */
#ifndef GALEED_MPK_CALL_MACROS_H
#define GALEED_MPK_CALL_MACROS_H

#include <stddef.h>
#include "call.h"
#include "pkru.h"
#include "record.h"

/* Offsets and constants that the assembler below uses. */
_Static_assert(offsetof(struct thread_record, fs_base) == 0 && offsetof(struct thread_record, depth) == 16 &&
               offsetof(struct thread_record, frames) == 256 && sizeof(struct gate_frame) == 24 &&
               offsetof(struct gate_frame, saved_pkru) == 8 && offsetof(struct gate_frame, kind) == 12 &&
               offsetof(struct gate_frame, function) == 16 && FRAME_CALL == 3 && FRAME_CALL_BACK == 2,
               "records and assembler agree");
_Static_assert(offsetof(struct runtime, backend) == 8 && MPK_BACKEND_PKU == 1 &&
               offsetof(struct runtime, scrub) == 32 && offsetof(struct runtime, guarded) == 40 &&
               MPK_RECORDS_OFFSET == 0x100000 && MPK_RECORD_BYTES == 2048 &&
               MPK_THREADS == 4096 && MPK_GATE_DEPTH == 64, "runtime and assembler agree");
_Static_assert(offsetof(struct mpk_call, function) == 0 && offsetof(struct mpk_call, name) == 8 &&
               offsetof(struct mpk_call, integers) == 16 && offsetof(struct mpk_call, doubles) == 64 &&
               offsetof(struct mpk_call_result, xmm0) == 16, "mpk_call.h and assembler agree");
_Static_assert(SCRUB_AVX == 2 && SCRUB_AVX512 == 3 && SCRUB_AMX == 4, "scrub levels");

#define MPK_TEXT_OF(constant) #constant
#define MPK_TEXT(macro) MPK_TEXT_OF(macro)
#define MPK_PUBLISHED_TEXT MPK_TEXT(MPK_PUBLISHED_BASE)

/* In one asm statement with its users: compilers may change the order of statements. */
#define MPK_CALL_MACROS \
".section .rodata\n" \
".balign 4\n" \
"mpk_mxcsr_default: .long 0x1f80\n" \
"mpk_x87_default: .short 0x37f\n" \
".text\n" \
".set mpk_backend_word, " MPK_PUBLISHED_TEXT " + 8\n" \
".set mpk_scrub, " MPK_PUBLISHED_TEXT " + 0x20\n" \
".set mpk_guarded, " MPK_PUBLISHED_TEXT " + 0x28\n" \
".set mpk_records, " MPK_PUBLISHED_TEXT " + 0x100000\n" \
".set mpk_records_end, " MPK_PUBLISHED_TEXT " + 0x900000\n" \
/* Vector, mask and x87 (MMX) registers: what foreign code must not see of the host. Zeroed \
 * vectors cost no execution port, masks are spread over two. FLDZ eight times comes \
 * back to the top that there was, and EMMS empties. pre: no x87 exception pends, and all are \
 * masked. Changes rax. */ \
".macro mpk_scrub_vectors\n" \
"    movabsq $mpk_scrub, %rax\n" \
"    cmpl $2, (%rax)\n" \
"    jb 71f\n" \
"    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n" \
"    vpxor %xmm\\n, %xmm\\n, %xmm\\n\n" /* clears up to the widest width */ \
"    .endr\n" \
"    je 72f\n" \
"    cmpl $4, (%rax)\n" \
"    movl $0, %eax\n" \
"    jb 70f\n" \
"    tilerelease\n" \
"70:\n" \
"    .irp n, 16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n" \
"    vpxord %zmm\\n, %zmm\\n, %zmm\\n\n" \
"    .endr\n" \
"    .irp n, 0,1,2,3\n" \
"    kxorw %k\\n, %k\\n, %k\\n\n" /* the upper bits become zero too */ \
"    .endr\n" \
"    .irp n, 4,5,6,7\n" \
"    kmovw %eax, %k\\n\n" /* the same */ \
"    .endr\n" \
"    jmp 72f\n" \
"71:\n" \
"    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n" \
"    pxor %xmm\\n, %xmm\\n\n" \
"    .endr\n" \
"72:\n" \
"    .rept 8\n" \
"    fldz\n" \
"    .endr\n" \
"    emms\n" \
".endm\n" \
/* The other way: what the calling convention lets come back into the host. Its compiled \
 * code reads no vector or mask register that it has not written since, but relies on an \
 * empty x87 stack; the sixteen vectors, halves and all, go because they cost next to \
 * nothing. Changes rax. */ \
".macro mpk_scrub_returned\n" \
"    movabsq $mpk_scrub, %rax\n" \
"    cmpl $2, (%rax)\n" \
"    jb 71f\n" \
"    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n" \
"    vpxor %xmm\\n, %xmm\\n, %xmm\\n\n" \
"    .endr\n" \
"    cmpl $4, (%rax)\n" \
"    jb 72f\n" \
"    tilerelease\n" \
"    jmp 72f\n" \
"71:\n" \
"    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n" \
"    pxor %xmm\\n, %xmm\\n\n" \
"    .endr\n" \
"72: emms\n" \
".endm\n" \
/* At rsp: 0 MXCSR, 4 x87 control. Saves them, sets what a program starts with; no x87 \
 * exception pends after. Changes rax. Each instruction that sets is slower than the question. Status bits do \
 * not come back (a callee may change them): to read MXCSR soon after it was changed \
 * takes 100 ns on Sapphire Rapids, so it is changed once for what was computed, not \
 * at every crossing. */ \
".macro mpk_save_controls\n" \
"    stmxcsr 0(%rsp)\n" \
"    fnstcw 4(%rsp)\n" \
"    fnstsw %ax\n" \
"    testb %al, %al\n" \
"    jz 73f\n" \
"    fnclex\n" \
"73: cmpw $0x37f, 4(%rsp)\n" \
"    je 74f\n" \
"    fldcw mpk_x87_default(%rip)\n" \
"74: cmpl $0x1f80, 0(%rsp)\n" \
"    je 75f\n" \
"    andl $0xffc0, 0(%rsp)\n" \
"    ldmxcsr mpk_mxcsr_default(%rip)\n" \
"75:\n" \
".endm\n" \
/* base: where mpk_save_controls saved, and 8 bytes of room behind. Changes rax. */ \
".macro mpk_load_controls base\n" \
"    ldmxcsr 0(\\base)\n" \
"    fnstsw %ax\n" \
"    testb %al, %al\n" \
"    jz 74f\n" \
"    fnclex\n" \
"74: fnstcw 12(\\base)\n" \
"    movzwl 12(\\base), %eax\n" \
"    cmpw %ax, 4(\\base)\n" \
"    je 75f\n" \
"    fldcw 4(\\base)\n" \
"75:\n" \
".endm\n" \
/* Pushes a frame, as gate.c's push does. The stack pointer moves to out just before it \
 * counts, or home just after: the host's stack is the stack of who is the host by the \
 * record, at every instruction. */ \
".macro mpk_push record, frame, token, pkru, kind, name, out, home\n" \
"    movq \\token, 0(\\frame)\n" \
"    movl \\pkru, 8(\\frame)\n" \
"    movl $\\kind, 12(\\frame)\n" \
"    movq \\name, 16(\\frame)\n" \
"    .ifnb \\out\n" \
"    movq \\out, %rsp\n" \
"    .endif\n" \
"    incl 16(\\record)\n" \
"    .ifnb \\home\n" \
"    movq \\home, %rsp\n" \
"    .endif\n" \
"    cmpq \\token, 0(\\frame)\n" \
"    je 76f\n" /* else a signal handler used the slot meanwhile; now it is ours */ \
"    movq \\token, 0(\\frame)\n" \
"    movl \\pkru, 8(\\frame)\n" \
"    movl $\\kind, 12(\\frame)\n" \
"    movq \\name, 16(\\frame)\n" \
"76:\n" \
".endm\n" \
/* base: of a record. to: its innermost frame; index: changed. UD2 when there is none. */ \
".macro mpk_innermost base, index, index32, to, bad\n" \
"    movl 16(\\base), \\index32\n" \
"    decl \\index32\n" \
"    cmpl $64, \\index32\n" \
"    jae \\bad\n" \
"    leaq (\\index,\\index,2), \\index\n" \
"    leaq 256(\\base,\\index,8), \\to\n" \
".endm\n" \
/* r10: an FS base; r11: the first record to look at. Changes rcx. */ \
".macro mpk_first_record\n" \
"    movq %r10, %r11\n" \
"    shrq $6, %r11\n" \
"    movabsq $0x9e3779b97f4a7c15, %rcx\n" \
"    imulq %rcx, %r11\n" \
"    shrq $52, %r11\n" \
"    shlq $11, %r11\n" \
"    movabsq $mpk_records, %rcx\n" \
"    addq %rcx, %r11\n" \
".endm\n" \
/* pku: closes. eax: PKRU now. Changes rcx, rdx, r12, r13. */ \
".macro mpk_close\n" \
"    movabsq $mpk_guarded, %r12\n" \
"    movq (%r12), %r13\n" \
"67: movq %r13, %rcx\n" \
"    shrq $32, %rcx\n" \
"    notl %ecx\n" \
"    andl %ecx, %eax\n" \
"    orl %r13d, %eax\n" \
"    xorl %ecx, %ecx\n" \
"    xorl %edx, %edx\n" \
"77: wrpkru\n" PKRU_SITE("galeed_wrpkru") "\n" \
"    movabsq $mpk_guarded, %r12\n" \
"    movq (%r12), %rcx\n" \
"    movq %rcx, %rdx\n" \
"    shrq $32, %rdx\n" \
"    andl %eax, %edx\n" \
"    cmpl %ecx, %edx\n" \
"    je 79f\n" \
"    cmpq %rcx, %r13\n" /* a domain was created between the two loads: once more */ \
"    movq %rcx, %r13\n" \
"    jne 67b\n" \
"    ud2\n" \
"79:\n" \
".endm\n" \
/* pku: opens, out of an mpk_call. post: r11 the thread's record, rsi its innermost \
 * frame, of kind FRAME_CALL. Changes rax, rcx, rdx, rdi, r10. What lies in the \
 * thread's own memory is a guess; the register decides, after the write. */ \
".macro mpk_open\n" \
"    movq _mpk_record_guess@gottpoff(%rip), %r11\n" \
"    movq %fs:(%r11), %r11\n" \
"    movq %fs:0, %r10\n" \
"    andq $-2048, %r11\n" \
"    movq %r11, %rcx\n" \
"    movabsq $mpk_records, %rdx\n" \
"    subq %rdx, %rcx\n" \
"    cmpq $0x7fffff, %rcx\n" \
"    ja 66f\n" \
"    cmpq %r10, 0(%r11)\n" \
"    je 67f\n" \
"66:\n" \
"    rdfsbase %r10\n" \
"    mpk_first_record\n" \
"76: cmpq %r10, 0(%r11)\n" \
"    je 67f\n" \
"    cmpq $0, 0(%r11)\n" \
"    je 80f\n" \
"    addq $2048, %r11\n" \
"    movabsq $mpk_records_end, %rcx\n" \
"    cmpq %rcx, %r11\n" \
"    jb 76b\n" \
"    movabsq $mpk_records, %r11\n" \
"    jmp 76b\n" \
"67: mpk_innermost %r11, %rax, %eax, %rsi, 80f\n" \
"    movabsq $mpk_guarded, %rdx\n" \
"    movq (%rdx), %r10\n" \
"78: movq %r10, %rdi\n" \
"    shrq $32, %rdi\n" \
"    xorl %ecx, %ecx\n" \
"    rdpkru\n" \
"    movl 8(%rsi), %ecx\n" \
"    xorl %eax, %ecx\n" \
"    andl %edi, %ecx\n" \
"    xorl %ecx, %eax\n" /* the saved bits where the mask is, the present ones elsewhere */ \
"    xorl %ecx, %ecx\n" \
"    xorl %edx, %edx\n" \
"77: wrpkru\n" PKRU_SITE("galeed_wrpkru") "\n" \
"    movq %r11, %rcx\n" \
"    movabsq $mpk_records, %rdx\n" \
"    subq %rdx, %rcx\n" \
"    rorq $11, %rcx\n" /* between two records: beyond all of them */ \
"    cmpq $4096, %rcx\n" \
"    jae 80f\n" \
"    rdfsbase %rdx\n" \
"    cmpq %rdx, 0(%r11)\n" \
"    jne 80f\n" \
"    mpk_innermost %r11, %rcx, %ecx, %rsi, 80f\n" \
"    cmpl $3, 12(%rsi)\n" \
"    jne 80f\n" \
"    movabsq $mpk_guarded, %rdx\n" \
"    movq (%rdx), %rdx\n" \
"    movq %rdx, %rdi\n" \
"    shrq $32, %rdi\n" \
"    movl 8(%rsi), %ecx\n" \
"    xorl %eax, %ecx\n" \
"    testl %edi, %ecx\n" \
"    jz 81f\n" \
"    cmpq %r10, %rdx\n" /* a domain was created meanwhile: once more */ \
"    movq %rdx, %r10\n" \
"    jne 78b\n" \
"80: ud2\n" \
"81:\n" \
".endm\n" \
/* Ends both: 24 bytes of room and the caller's registers, in the order they were pushed. */ \
".macro mpk_return\n" \
"    addq $24, %rsp\n" \
"    .cfi_adjust_cfa_offset -24\n" \
"    .irp r, r15, r14, r13, r12, rbx, rbp\n" \
"    popq %\\r\n" \
"    .cfi_adjust_cfa_offset -8\n" \
"    .cfi_restore \\r\n" \
"    .endr\n" \
"    ret\n" \
".endm\n" \
".macro mpk_zero registers:vararg\n" \
"    .irp r, \\registers\n" \
"    xorl %\\r, %\\r\n" \
"    .endr\n" \
".endm\n"

#endif
