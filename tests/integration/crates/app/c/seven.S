.text
.globl app_seven
.type app_seven, @function
app_seven:
    movl $7, %eax
    ret
.size app_seven, . - app_seven
.section .note.GNU-stack,"",@progbits
