/* The same library's other file. */
#include <stdarg.h>
#include "boundary.h"

long back_peek(unsigned long at) { return *(volatile long *)at; }
long back_alias(unsigned long at) __attribute__((alias("back_peek")));
__attribute__((weak)) long back_weak(unsigned long at) { return *(volatile long *)at; }
long back_variadic(int n, ...) {
    va_list list;
    va_start(list, n);
    long found = *(volatile long *)va_arg(list, unsigned long);
    va_end(list);
    return found;
}
long back_sum(const long *numbers, long count) {
    long sum = 0;
    while (count--) sum += *numbers++;
    return sum;
}
long back_call(host_function *function, long *number) { return function(number) + 1; }
