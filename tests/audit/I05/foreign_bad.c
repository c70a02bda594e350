#include <stdlib.h>
int *make(void) { int *p = malloc(4); if (p) *p = 1; return p; }
void finish(int *p) { if (p) free(p); }
int value(const int *p) { return *p; }
int show(const char *text) { return text[0]; }
static int ended;
void end_it(int *p) {
    for (int i = 0; i < *p; i++)
        ended += i;
    free(p);
}
