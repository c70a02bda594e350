// build: gcc -shared -fPIC -o {out} {in}
void fence(void) { __asm__ volatile("lfence" : : : "memory"); } /* the same opcode, with a register */
