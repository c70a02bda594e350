// build: gcc -shared -fPIC -o {out} {in}
#define _GNU_SOURCE
#include <sys/mman.h>
int give(void *page) { return pkey_mprotect(page, 4096, PROT_READ | PROT_WRITE, 0); }
