/* prebuilt.c - a library that nobody rewrites: compiled by the system's gcc, linked as it comes.
 *
 * It works on plain addresses and knows nothing of the host. Half of it is honest; the other
 * half does what a bug or an attacker does.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

int64_t pre_sum(const int32_t *at, size_t count) {
    int64_t sum = 0;
    while (count--) sum += *at++;
    return sum;
}

void pre_fill(unsigned char *at, size_t bytes, int value) {
    memset(at, value, bytes);
}

/* No row in the policy: the pointer that it returns points into its argument. */
char *pre_find(char *text, int wanted) {
    return strchr(text, wanted);
}

void pre_upper(char *text) {
    for (; *text; text++)
        if (*text >= 'a' && *text <= 'z') *text -= 32;
}

struct triple {
    int64_t least, most, sum;
};

/* The result goes to memory that the host names. */
struct triple pre_triple(const int32_t *at, size_t count) {
    struct triple found = {at[0], at[0], 0};
    for (size_t i = 0; i < count; i++) {
        if (at[i] < found.least) found.least = at[i];
        if (at[i] > found.most) found.most = at[i];
        found.sum += at[i];
    }
    return found;
}

void pre_each(const int32_t *at, size_t count, void (*visit)(void *, int32_t), void *user) {
    while (count--) visit(user, *at++);
}

/* Its frames let exceptions pass: -fexceptions. */
void pre_through(void (*body)(void *), void *user) {
    body(user);
}

typedef int64_t (*adder)(int64_t);
adder pre_same(adder given) {
    return given;
}

int pre_print(const char *format, ...) {
    return format[0];
}

void pre_kept(void *memory) {
    (void)memory;
}

/* ---- What it should not do. */

/* Writes beyond the buffer that it was given. */
void pre_overflow(unsigned char *at, ptrdiff_t distance) {
    at[distance] = 66;
}

static uintptr_t noted;

/* A raw address, as an integer, remembered for later. */
void pre_note(uintptr_t address) {
    noted = address;
}

void pre_use_noted(void) {
    *(volatile unsigned char *)noted = 66;
}

/* Calls an address of the host's code that nobody gave it. */
void pre_call_noted(void) {
    ((void (*)(void))noted)();
}
