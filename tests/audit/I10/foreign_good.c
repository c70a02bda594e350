#include <string.h>
struct state { int count, total; };
int look(const struct state *s) { return s->total; }
int bump(struct state *s) { return ++s->total; }
int count(int *cell) { return ++*cell; }
int sum(const unsigned char *bytes, unsigned long n) {
    int all = 0;
    unsigned char copy[16];
    memcpy(copy, bytes, n < 16 ? n : 16);
    for (unsigned long i = 0; i < n && i < 16; i++) all += copy[i];
    return all;
}
void fill(unsigned char *bytes, unsigned long n) { memset(bytes, 1, n); }
void through(struct state *const *s) { (*s)->count = 1; }
struct big { unsigned long words[5]; };
unsigned long own_copy(struct big b) {
    for (int i = 1; i < 5; i++) b.words[i] += b.words[i - 1];
    return b.words[4];
}
