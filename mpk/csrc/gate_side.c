/* gate_side.c - is this thread in foreign code, for gates that have their arguments in registers.
 *
 * Invariant: changes eax, r11 and flags, nothing else: LLVM's convention preserve_all. So an
 * entry gate that foreign code calls saves no argument before it asks, and jumps on.
 *
 * The runtime's page is read before PKRU: in a signal handler, which the kernel starts with
 * every key closed, the load faults, and fault.c gives the thread what its record stands for.
 *
 * Attacker: may jump to any instruction; the answer is a register that it could set itself.
 *
 * Source: [SDM 2, RDPKRU, RDFSBASE]; LLVM LangRef, "Calling Conventions".
 */
#include <stddef.h>
#include "internal.h"

#define TEXT_(value) #value
#define TEXT(value) TEXT_(value)

_Static_assert(offsetof(struct started_page, started) == 0, "gate_side.c has this offset");
_Static_assert(offsetof(struct runtime, backend) == 8 && sizeof(enum mpk_backend) == 4, "gate_side.c has this offset");
_Static_assert(offsetof(struct runtime, published_bits) == 28, "gate_side.c has this offset");
_Static_assert(offsetof(struct runtime, closed) == 64, "gate_side.c has this offset");
_Static_assert(MPK_BACKEND_PKU == 1, "gate_side.c has this number");

__asm__(
".text\n"
".globl mpk_gate_side\n"
".type mpk_gate_side, @function\n"
"mpk_gate_side:\n"
"    .cfi_startproc\n"
"    xorl %eax, %eax\n"
"    cmpl $0, _mpk_started(%rip)\n"
"    je 1f\n"
"    movabsq $" TEXT(MPK_PUBLISHED_BASE) ", %r11\n"
"    cmpl $1, 8(%r11)\n"
"    jne 2f\n"
"    movl 28(%r11), %r11d\n"
"    pushq %rcx\n"
"    .cfi_adjust_cfa_offset 8\n"
"    pushq %rdx\n"
"    .cfi_adjust_cfa_offset 8\n"
"    xorl %ecx, %ecx\n"
"    rdpkru\n"
"    popq %rdx\n"
"    .cfi_adjust_cfa_offset -8\n"
"    popq %rcx\n"
"    .cfi_adjust_cfa_offset -8\n"
"    andl %r11d, %eax\n"
"1:  ret\n"
"2:  movq 64(%r11), %r11\n" /* mprotect: for whom memory is closed */
"    rdfsbase %rax\n"
"    subq %r11, %rax\n"
"    cmpq $1, %rax\n"
"    sbbl %eax, %eax\n"
"    ret\n"
"    .cfi_endproc\n"
".size mpk_gate_side, . - mpk_gate_side\n"
);
