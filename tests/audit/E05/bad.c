// build: gcc -no-pie -Wl,-z,relro -Wl,-z,lazy -o {out} {in}
#include <stdio.h>
int main(void) { return puts("lazy"); }
