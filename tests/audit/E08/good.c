// build: gcc -shared -fPIC -o {out} {in}
#define _GNU_SOURCE
#include <dlfcn.h>
void *find(void) { return dlsym(RTLD_DEFAULT, "getrandom"); }
