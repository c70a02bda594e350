// build: gcc -shared -fPIC -o {out} {in}
#include <sys/mman.h>
void *take(void) { return mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }
