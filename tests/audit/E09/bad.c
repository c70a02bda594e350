// build: gcc -shared -fPIC -o {out} {in}
void free(void *at) { (void)at; }
