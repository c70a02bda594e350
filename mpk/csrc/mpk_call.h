/* mpk_call.h - calls foreign code on a stack of its own.
 *
 * A plain gate (mpk_gate_enter) lets foreign code run on the host's stack, below
 * the gate's frame: another thread of foreign code can overwrite the return
 * addresses there. Here the host's frames lie under a key: the host runs on a
 * stack inside its domain, foreign code on one outside, and no register or dead
 * frame carries the host's values across.
 *
 * Source: [Hodor 4.3], [ERIM 4], [Donky 5].
 */
#ifndef GALEED_MPK_CALL_H
#define GALEED_MPK_CALL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Runs body(argument) on a stack inside the host domain, where foreign code can
 * neither read nor write it; returns when it returns. bytes: of the stack, 0: 1 MiB;
 * a guard page lies below. Nests. errors: ENOMEM, EINVALID and those of mpk_start. */
int mpk_host_stack(size_t bytes, void (*body)(void *), void *argument);

/* Calls function(arguments[0], ...) in foreign code: up to six integer or pointer
 * arguments and eight doubles, on the calling thread's foreign stack. Its result
 * registers come back in *result; every other register is scrubbed both ways.
 * function: as mpk_gate_enter's name. errors: none; what goes wrong is a violation. */
struct mpk_call {
    uintptr_t function;
    const char *name;
    uint64_t integers[6];
    double doubles[8];
};
struct mpk_call_result { uint64_t rax, rdx; double xmm0, xmm1; };
void mpk_call(const struct mpk_call *call, struct mpk_call_result *result);

#ifdef __cplusplus
}
#endif
#endif
