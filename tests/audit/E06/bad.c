// build: gcc -shared -fPIC -nostdlib -fcf-protection=none -o {out} {in}
int value(void) { return 1; }
