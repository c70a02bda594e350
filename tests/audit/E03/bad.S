# build: gcc -shared -nostdlib -Wl,--build-id=none -o {out} {in} -Wl,-z,noseparate-code -Wl,-T,{here}/two.ld
# Two segments that lie side by side: WRPKRU begins in the first and ends in the second.
.section .one, "ax", @progbits
.fill 4094, 1, 0x90
.byte 0x0f, 0x01
.section .two, "ax", @progbits
.byte 0xef
ret
.section .note.GNU-stack, "", @progbits
