// build: gcc -shared -fPIC -o {out} {in}
#include <stdint.h>
uint32_t visible(void) { return 0xee010f90; } /* RDPKRU changes nothing */
