/* mpk_call.h - calls foreign code on a stack of its own.
 *
 * A plain gate (mpk_gate_enter) lets foreign code run on the host's stack, below
 * the gate's frame: another thread of foreign code can overwrite the return
 * addresses there. Here the host's frames lie under a key: the host runs on a
 * stack inside its domain, foreign code on one outside, and no register or dead
 * frame carries the host's values across.
 *
 * Plain gates and host stacks exclude each other on one thread: foreign code
 * behind a plain gate would run on a stack that it cannot touch, so mpk_gate_enter
 * refuses there. Frames above mpk_host_stack lie on the thread's own stack, open to
 * foreign code: call it near the thread's start.
 *
 * Python has no mpk_host_stack: an interpreter's frames are on the thread's own
 * stack before any code of ours runs, and CPython checks its depth against the
 * bounds of that stack.
 *
 * Exceptions, panics and longjmp do not pass mpk_call or mpk_call_back, either
 * way; unwinders and backtraces end there, because what lies beyond is memory that
 * the other side writes. mpk_try and its unwinding do pass.
 *
 * Source: [Hodor], [ERIM], [Donky].
 */
#ifndef GALEED_MPK_CALL_H
#define GALEED_MPK_CALL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Runs body(argument) on a stack inside the host domain, where foreign code can
 * neither read nor write it; returns when it returns. bytes: of the stack, 0: 1 MiB,
 * at least 64 KiB, at most 1 GiB; a guard page lies below, and an overflow is fatal
 * in one line. Nests. The thread is given a signal stack if it has none.
 *
 * Signal handlers without SA_ONSTACK run on the host stack; they start with rights
 * closed and are granted the host's at their first access, which takes a kernel that
 * writes signal frames whatever PKRU says (pku: Linux 6.12 or newer).
 * errors: ENOMEM; EINVALID; EKERNEL: a kernel older than that, or registers that this
 * release cannot scrub; and those of mpk_start. Fatal in foreign code. */
int mpk_host_stack(size_t bytes, void (*body)(void *), void *argument);

/* Calls function(arguments[0], ...) in foreign code: up to six integer or pointer
 * arguments and eight doubles, on the calling thread's foreign stack (8 MiB). Its result
 * registers come back in *result. Every other register is scrubbed on the way out (general,
 * vector, mask, x87, MXCSR). On the way back those that compiled code may rely on: general
 * ones, the sixteen vectors that all CPUs have, with their upper parts; the x87 stack is
 * empty, the direction flag clear, the host's control words are as they were. (Masks, the
 * higher vectors of AVX-512 and what lies in empty x87 registers stay: a call leaves them
 * undefined, and no compiler reads them.)
 * function: as mpk_gate_enter's name. Outside of mpk_host_stack the call's own frame
 * is put on a host stack for its duration; its callers' are where they are.
 * errors: none; what goes wrong is a violation, or fatal. */
struct mpk_call {
    uintptr_t function;
    const char *name;
    uint64_t integers[6];
    double doubles[8];
};
struct mpk_call_result { uint64_t rax, rdx; double xmm0, xmm1; };
void mpk_call(const struct mpk_call *call, struct mpk_call_result *result);

/* For foreign code inside mpk_call: runs body(argument) with the host's rights on the
 * host's stack, below the frame of the mpk_call. body must have been allowed: anything
 * else is a boundary violation. (mpk_callback_enter works as well; host code then
 * runs on the foreign stack.) Fatal outside of mpk_call. */
void mpk_call_back(void (*body)(void *), void *argument);
/* Host code only. errors: ENOMEM: more than MPK_CALLBACKS_MOST; those of mpk_start. */
#define MPK_CALLBACKS_MOST 64
int mpk_call_back_allow(void (*body)(void *));

#ifdef __cplusplus
}
#endif
#endif
