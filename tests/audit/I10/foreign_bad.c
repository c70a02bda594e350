#include <string.h>
struct state { int count, total; };
static void add(struct state *s, int n) { s->total += n; }
int bump(struct state *s) { add(s, 2); return s->total; }
void clear(unsigned char *bytes, unsigned long n) { memset(bytes, 0, n); }
void upper(char *text) { for (; *text; text++) *text &= ~32; }
