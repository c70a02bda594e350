// build: gcc -shared -fPIC -Wl,-z,execstack -o {out} {in}
int value(void) { return 1; }
