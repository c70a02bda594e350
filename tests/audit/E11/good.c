// build: gcc -shared -fPIC -o {out} {in}
// and: gcc -shared -fPIC -fvisibility=hidden -o {out}.2 {in}
int shared_name(void) { return 1; }
