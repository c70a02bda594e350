/* own_stack.c - see own_stack.h.
 *
 * Attacker: the stacks are out of reach of foreign code: inside the domain, and their ends are
 * kept where only the host writes.
 */
#include "own_stack.h"

bool _mpk_own_stack(uintptr_t *stack, size_t bytes) {
    mpk_domain *host = atomic_load(&MPK_RUNTIME->host);
    if (!*stack && host) {
        uintptr_t low = (uintptr_t)mpk_domain_private(host, bytes);
        if (low) *stack = (low + bytes) & ~(uintptr_t)15;
    }
    return *stack != 0;
}

__asm__(".text\n.globl _mpk_on_own_stack\n.hidden _mpk_on_own_stack\n.type _mpk_on_own_stack, @function\n"
        "_mpk_on_own_stack:\n"
        ".cfi_startproc\n"
        "    pushq %rbp\n"
        ".cfi_adjust_cfa_offset 8\n"
        ".cfi_rel_offset %rbp, 0\n"
        "    movq %rsp, %rbp\n"
        ".cfi_def_cfa_register %rbp\n"
        "    movq %rdi, %rax\n"
        "    movq %rsi, %rdi\n"
        "    movq %rdx, %rsp\n"
        "    cld\n"
        "    call *%rax\n"
        "    movq %rbp, %rsp\n"
        "    popq %rbp\n"
        ".cfi_def_cfa %rsp, 8\n"
        "    ret\n"
        ".cfi_endproc\n"
        ".size _mpk_on_own_stack, . - _mpk_on_own_stack\n");
