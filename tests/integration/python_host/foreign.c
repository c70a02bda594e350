/* What a host in Python calls: tests/integration/test_python_host.py. Rewritten, and plain as the control. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

long total(const unsigned char *at, size_t count) {
    long sum = 0;
    for (size_t i = 0; i < count; i++) sum += at[i];
    return sum;
}
void fill(unsigned char *at, size_t count, int byte) { memset(at, byte, count); }
void put(unsigned char *at, ptrdiff_t offset, int byte) { at[offset] = (unsigned char)byte; }
int get(const unsigned char *at, ptrdiff_t offset) { return at[offset]; }
const unsigned char *find(const unsigned char *at, int byte, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (at[i] == byte) return at + i;
    return NULL;
}

/* A pointer that C keeps. */
static unsigned char *kept;
void keep(unsigned char *at) { kept = at; }
int get_kept(void) { return kept[0]; }

/* An address that nobody lent, as a number. */
int peek(uintptr_t address) { return *(volatile unsigned char *)address; }

/* Callbacks, kept ones too. */
typedef int visitor(void *user, int value);
int each(const unsigned char *at, size_t count, visitor *visit, void *user) {
    int sum = 0;
    for (size_t i = 0; i < count; i++) sum += visit(user, at[i]);
    return sum;
}
static visitor *later;
void keep_visitor(visitor *visit) { later = visit; }
int call_kept(int value) { return later(NULL, value); }

/* A structure of the host's with a pointer in it, as z_stream has. */
struct window {
    unsigned char *next;
    size_t left;
};
void advance(struct window *window, int byte) {
    *window->next++ = (unsigned char)byte;
    window->left--;
}

/* Says that it is here, and waits until it is answered. 1: it was. 0: not within so many milliseconds. */
int wait_for(volatile int *entered, const volatile int *answer, int milliseconds) {
    const struct timespec pause = {0, 1000000};
    *entered = 1;
    for (int i = 0; i < milliseconds; i++) {
        if (*answer) return 1;
        nanosleep(&pause, NULL);
    }
    return 0;
}

double scale(double a, int b, double c) { return a * b + c; }
float half(float a) { return a / 2; }
long weigh(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j, long k, long l) {
    return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j + 11 * k + 12 * l;
}
