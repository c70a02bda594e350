// build: gcc -shared -fPIC -o {out} {in}
#include <stdint.h>
static uint32_t immediate(void) { return 0xef010f90; } /* the three bytes, inside a constant */
uint32_t visible(void) { return immediate(); }
