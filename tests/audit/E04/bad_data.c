// build: gcc -shared -fPIC -Wl,-z,noexecstack -Wl,-z,noseparate-code -o {out} {in}
const char word[] = "data";
int value(void) { return word[0]; }
