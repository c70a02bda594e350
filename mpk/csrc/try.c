/* try.c - a place to come back to when foreign code is stopped.
 *
 * Invariant: all that the return needs (registers, stack pointer, return address,
 * depth of gates, rights) is in the try frame, in the published range. Nothing of
 * it is read from the stack, which foreign code can write: the return address is
 * jumped to, and callee-saved registers come from the frame.
 *
 * The frames between are dropped as they are. Rust frames among them do not run
 * their destructors (memory leaks, locks stay locked); so the only Rust frames
 * between should be those of callbacks.
 *
 * Source: [psABI 3.2.1] for what a callee preserves (rbx, rbp, r12-r15, rsp,
 * control bits of MXCSR and the x87 control word).
 */
#include <stddef.h>
#include "pkru.h"
#include "prim.h"
#include "record.h"
#include "stacks.h"
#include "try.h"
#include "vkey_hooks.h"

#define MPK_TRY_DEPTH 64
_Static_assert(sizeof(struct try_frame) == TRY_FRAME_BYTES, "the area is laid out by this");
_Static_assert((uint64_t)MPK_THREADS * MPK_TRY_DEPTH * TRY_FRAME_BYTES <= MPK_RUNS_OFFSET - MPK_TRIES_OFFSET,
               "try frames fit");
/* Offsets that the assembler below uses. */
_Static_assert(offsetof(struct try_frame, rbx) == 0 && offsetof(struct try_frame, rbp) == 8 &&
               offsetof(struct try_frame, r15) == 40 && offsetof(struct try_frame, rsp) == 48 &&
               offsetof(struct try_frame, rip) == 56 && offsetof(struct try_frame, mxcsr) == 64 &&
               offsetof(struct try_frame, x87) == 68 && offsetof(struct try_frame, body) == 80 &&
               offsetof(struct try_frame, argument) == 88 && offsetof(struct thread_record, tries) == 24,
               "try_frame and assembler agree");

struct try_frame *_mpk_try_innermost(const struct thread_record *record) {
    uintptr_t first = MPK_PUBLISHED_BASE + MPK_TRIES_OFFSET +
                      (uintptr_t)record->slot * MPK_TRY_DEPTH * TRY_FRAME_BYTES;
    return (struct try_frame *)first + (record->tries - 1);
}

/* Those that began below the bound are over: a panic or longjmp went past. */
static void drop_deeper(struct thread_record *record, uintptr_t bound) {
    bool host = bound - record->host_low < record->host_high - record->host_low;
    uintptr_t low = host ? record->host_low : record->stack_low;
    uintptr_t bytes = (host ? record->host_high : record->stack_high) - low;
    while (record->tries) {
        uintptr_t older = _mpk_try_innermost(record)->rsp;
        if (older >= bound || older - low >= bytes || bound - low >= bytes) return;
        record->tries--;
    }
}

/* Called by mpk_try, below, before and after the body. */
struct try_frame *_mpk_try_push(uintptr_t stack_pointer, void (*body)(void *), void *argument)
    __attribute__((visibility("hidden")));
void _mpk_try_pop(uintptr_t stack_pointer) __attribute__((visibility("hidden")));

struct try_frame *_mpk_try_push(uintptr_t stack_pointer, void (*body)(void *), void *argument) {
    int error = mpk_start();
    if (error) _mpk_fatal("the runtime cannot start: %s", mpk_strerror(error));
    if (mpk_gate_is_foreign()) _mpk_fatal("foreign code called mpk_try");
    struct thread_record *record = _mpk_thread();
    drop_deeper(record, stack_pointer + 1); /* at this very place: over as well */
    if (record->tries == MPK_TRY_DEPTH) _mpk_fatal("mpk_try is nested more than %d deep", MPK_TRY_DEPTH);
    record->tries++;
    struct try_frame *frame = _mpk_try_innermost(record);
    frame->depth = record->depth;
    frame->begins = (uint16_t)_mpk_vkey_depth(record);
    do { /* a change of rights that a signal brings in between is not to be lost */
        frame->pkru = MPK_RUNTIME->backend == MPK_BACKEND_PKU ? pkru_read() : 0;
        atomic_signal_fence(memory_order_seq_cst);
    } while (MPK_RUNTIME->backend == MPK_BACKEND_PKU && frame->pkru != pkru_read());
    frame->body = body;
    frame->argument = argument;
    frame->host_high = record->host_high;
    frame->keeps_callbacks = 0;
    return frame;
}

void mpk_try_keep_callbacks(int (*host_runs)(void)) {
    struct thread_record *record = mpk_gate_is_foreign() ? NULL : _mpk_thread();
    if (!record || !record->tries) _mpk_fatal("mpk_try_keep_callbacks outside of the body of an mpk_try");
    struct try_frame *frame = _mpk_try_innermost(record);
    frame->host_runs = host_runs;
    frame->keeps_callbacks = 1;
}

bool _mpk_try_is_held(const struct thread_record *record) {
    const struct try_frame *frame = _mpk_try_innermost(record);
    if (!frame->keeps_callbacks) return false;
    for (uint32_t i = frame->depth; i < record->depth; i++)
        if (!(record->frames[i].kind & FRAME_FOREIGN)) return true;
    return frame->host_runs && frame->host_runs();
}

void _mpk_try_pop(uintptr_t stack_pointer) {
    if (mpk_gate_is_foreign()) _mpk_fatal("the body of an mpk_try returned in foreign code");
    struct thread_record *record = _mpk_thread();
    drop_deeper(record, stack_pointer);
    if (!record->tries || _mpk_try_innermost(record)->rsp != stack_pointer)
        _mpk_fatal("an mpk_try ended that is not the innermost one");
    record->tries--;
}

struct try_frame *_mpk_try_leave(struct thread_record *record) {
    struct try_frame *frame = _mpk_try_innermost(record);
    bool mprotect_backend = MPK_RUNTIME->backend == MPK_BACKEND_MPROTECT;
    if (mprotect_backend && _mpk_prim_mprotect.is_closed()) _mpk_prim_mprotect.open_all(record, 1);
    record->depth = frame->depth;
    _mpk_vkey_leave(record, frame->begins);
    _mpk_stacks_leave(record, frame->host_high);
    /* Last: from here on another thread may close the record, and in the fault handler, whose
     * signal is blocked, a write that has to wait would be the end of the process. */
    if (mprotect_backend && atomic_load(&MPK_RUNTIME->runner) == record->fs_base) _mpk_runner_release();
    return frame;
}

void _mpk_unwind(struct thread_record *record) {
    struct try_frame *frame = _mpk_try_leave(record);
    if (MPK_RUNTIME->backend == MPK_BACKEND_PKU) _mpk_prim_pku.open_all(record, frame->pkru);
    _mpk_try_resume(frame, record);
    __builtin_unreachable();
}

/* The slot is given up (record->tries) only after its last use, so that a signal
 * handler that uses mpk_try meanwhile takes the next one. */
__asm__(".text\n"
        ".globl mpk_try\n"
        ".type mpk_try, @function\n"
        "mpk_try:\n"
        ".cfi_startproc\n"
        "    subq $24, %rsp\n"
        ".cfi_adjust_cfa_offset 24\n"
        "    movq %rsi, %rdx\n"
        "    movq %rdi, %rsi\n"
        "    leaq 24(%rsp), %rdi\n"
        "    call _mpk_try_push\n"
        "    movq %rbx, 0(%rax)\n"
        "    movq %rbp, 8(%rax)\n"
        "    movq %r12, 16(%rax)\n"
        "    movq %r13, 24(%rax)\n"
        "    movq %r14, 32(%rax)\n"
        "    movq %r15, 40(%rax)\n"
        "    leaq 24(%rsp), %rcx\n"
        "    movq %rcx, 48(%rax)\n"
        "    movq 24(%rsp), %rcx\n"
        "    movq %rcx, 56(%rax)\n"
        "    stmxcsr 64(%rax)\n"
        "    fnstcw 68(%rax)\n"
        "    movq 88(%rax), %rdi\n"
        "    call *80(%rax)\n"
        "    leaq 24(%rsp), %rdi\n"
        "    call _mpk_try_pop\n"
        "    xorl %eax, %eax\n"
        "    addq $24, %rsp\n"
        ".cfi_adjust_cfa_offset -24\n"
        "    ret\n"
        ".cfi_endproc\n"
        ".size mpk_try, . - mpk_try\n"
        ".hidden _mpk_try_resume\n"
        ".globl _mpk_try_resume\n"
        ".type _mpk_try_resume, @function\n"
        "_mpk_try_resume:\n"
        "    movq 0(%rdi), %rbx\n"
        "    movq 8(%rdi), %rbp\n"
        "    movq 16(%rdi), %r12\n"
        "    movq 24(%rdi), %r13\n"
        "    movq 32(%rdi), %r14\n"
        "    movq 40(%rdi), %r15\n"
        "    fninit\n" /* foreign code may have left values on the x87 stack */
        "    fldcw 68(%rdi)\n"
        "    ldmxcsr 64(%rdi)\n"
        "    cld\n"
        "    movq 48(%rdi), %rsp\n"
        "    addq $8, %rsp\n"
        "    movq 56(%rdi), %rcx\n"
        "    decl 24(%rsi)\n"
        "    movl $1, %eax\n"
        "    jmp *%rcx\n"
        ".size _mpk_try_resume, . - _mpk_try_resume\n");
