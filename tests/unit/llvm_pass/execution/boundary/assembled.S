.text
.globl assembled
assembled:
    leaq (%rdi,%rsi), %rax
    ret
.section .note.GNU-stack,"",@progbits
