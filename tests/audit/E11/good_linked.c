// build: gcc -shared -fPIC -o {out} {in}
// and: gcc -c -fPIC -o {out}.2 {in}
int shared_name(void) { return 1; }
