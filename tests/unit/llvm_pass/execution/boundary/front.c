/* What the host calls, and what it is given to call. Each `peek` reads an address that nobody
 * lent: it must find the rights dropped, by whatever way the host came in. */
#include <stdarg.h>
#include <stdio.h>
#include "boundary.h"

long peek_plain(unsigned long at) { return *(volatile long *)at; }
__attribute__((weak)) long peek_weak(unsigned long at) { return *(volatile long *)at; }
__attribute__((visibility("hidden"))) long peek_hidden(unsigned long at) { return *(volatile long *)at; }
__attribute__((visibility("protected"))) long peek_protected(unsigned long at) { return *(volatile long *)at; }
long peek_alias(unsigned long) __attribute__((alias("peek_plain")));
static unsigned long remembered; /* a further argument would be lent, like a member of a host's structure */
void remember(unsigned long at) { remembered = at; }
long peek_variadic(int n, ...) {
    va_list list;
    va_start(list, n);
    long found = *(volatile long *)(remembered + va_arg(list, unsigned long));
    va_end(list);
    return found;
}
static __attribute__((noinline)) long peek_static(unsigned long at) { return *(volatile long *)at; }
static __attribute__((used, noinline)) long peek_used(unsigned long at) { return *(volatile long *)at; }
__asm__(".section .data.rel,\"aw\"\n.globl used_table\nused_table: .quad peek_used\n.text\n");
peek_function *get_static(void) { return peek_static; }

/* Into the other file: to its body, with the rights as they are. */
long peek_behind(unsigned long at) { return back_peek(at); }
long peek_behind_alias(unsigned long at) { return back_alias(at); }
long peek_behind_weak(unsigned long at) { return back_weak(at); }
long peek_behind_variadic(unsigned long at) { return back_variadic(1, at); }

long sum_behind(const long *numbers, long count) { return back_sum(numbers, count); }
long sum_assembled(const long *numbers, long count) { return assembled(count, back_sum(numbers, count)); }
long call_back(host_function *function, long *number) { return back_call(function, number); }

static int starts;
__attribute__((constructor)) static void at_start(void) { starts += 1; }
int was_started(void) { return starts; }

/* kinds: a letter for each further argument. */
double mixed(const char *kinds, ...) {
    va_list list, again;
    double sum = 0;
    va_start(list, kinds);
    va_copy(again, list);
    for (const char *kind = kinds; *kind; kind++) {
        if (*kind == 'i') sum += va_arg(list, int);
        if (*kind == 'l') sum += (double)va_arg(list, long);
        if (*kind == 'd') sum += va_arg(list, double);
        if (*kind == 'D') sum += (double)va_arg(list, long double);
        if (*kind == 's') sum += va_arg(list, struct three).c;
        if (*kind == 'p') sum += (double)*va_arg(list, long *);
        if (*kind == 'w') *va_arg(list, long *) = (long)sum;
        if (*kind == 'f') sum += (double)va_arg(list, host_function *)((long *)0);
    }
    va_end(list);
    if (*kinds == 'i' && va_arg(again, int) != 1) sum = -1;
    va_end(again);
    return sum;
}
long *pick(int which, ...) {
    va_list list;
    long *found = 0;
    va_start(list, which);
    while (which-- >= 0) found = va_arg(list, long *);
    va_end(list);
    return found;
}
struct three with_three(long first, ...) {
    va_list list;
    va_start(list, first);
    struct three found = {first, va_arg(list, long), va_arg(list, double)};
    va_end(list);
    return found;
}
int formatted(char *to, unsigned long room, const char *format, ...) {
    va_list list;
    va_start(list, format);
    int length = vsnprintf(to, room, format, list);
    va_end(list);
    return length;
}
int scanned(const char *from, const char *format, ...) {
    va_list list;
    va_start(list, format);
    int count = vsscanf(from, format, list);
    va_end(list);
    return count;
}
double mixed_inside(void) { return mixed("iDs", 1, 2.5L, (struct three){0, 0, 4.0}); }
