/* A1: a WRPKRU that no gate stands around (in code mapped before the policy), and gates entered elsewhere than at their
 * start. On mprotect, where rights are page protection, the first is one system call.
 *
 * gate-middle fails the gate's comparison, gate-matched passes it (gatejump.h).
 *
 * Source: [PKU Pitfalls], [ERIM].
 */
#include <setjmp.h>
#include <sys/mman.h>
#include "attack.h"
#include "gatejump.h"
#include "mpk.h"
#include "naive.h"

static jmp_buf back;

static void stray(void) {
    TRY("mprotect", attack_open_by_own_means());
    attack_read();
}

static void libc(void) {
    TRY("pkey_set", pkey_set(target.key, 0));
    attack_read();
}

/* Whatever a gate's epilogue takes off the stack, it returns here. */
static void __attribute__((force_align_arg_pointer)) arrived(void) {
    attack_read();
    longjmp(back, 1);
}

static void into_the_gate(unsigned long registers) {
    if (!setjmp(back)) gatejump(registers, GATEJUMP_AS_ITSELF, arrived);
}

static void gate_middle(void) { into_the_gate(GATEJUMP_MISMATCHED); }
static void gate_matched(void) { into_the_gate(GATEJUMP_MATCHED); }

/* The runtime's own entry points, called as functions. */
static void gate_call(void) {
    if (target.undefended) naive_exit();
    else mpk_access_begin();
    attack_read();
}

const struct attack attacks[] = {
    {.variant = "stray", .prepare = attack_map_opener, .attack = stray},
    {.variant = "libc", .attack = libc},
    {.variant = "gate-middle", .attack = gate_middle},
    {.variant = "gate-matched", .attack = gate_matched},
    {.variant = "gate-call", .attack = gate_call},
    {0},
};
