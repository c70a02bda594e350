// build: gcc -fPIE -pie -Wl,-z,relro -Wl,-z,now -o {out} {in}
#include <stdio.h>
int main(void) { return puts("now"); }
