// build: gcc -shared -fPIC -o {out} {in}
#define _GNU_SOURCE
#include <sys/mman.h>
int (*const table[])(void *, size_t, int, int) = {pkey_mprotect};
