#include <stdlib.h>
int *make(void) { int *p = malloc(4); if (p) *p = 2; return p; }
void release(int *p) { if (--*p == 0) free(p); }
void finish(int *p) { if (p) free(p); }
int value(const int *p) { return *p; }
int show(const char *text) { return text[0]; }
