// build: gcc -shared -fPIC -nostdlib -fcf-protection=full -o {out} {in}
int value(void) { return 1; }
