# build: gcc -shared -nostdlib -Wl,--build-id=none -o {out} {in} -Wl,-z,noseparate-code -Wl,-T,{here}/two.ld
.section .one, "ax", @progbits
.fill 4094, 1, 0x90
.byte 0x0f, 0x01
.section .two, "ax", @progbits
.byte 0xee
ret
.section .note.GNU-stack, "", @progbits
