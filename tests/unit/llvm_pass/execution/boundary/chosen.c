/* A function that is chosen when the program is loaded. */
#include "boundary.h"

static long first(unsigned long at) { return *(volatile long *)at; }
static long second(unsigned long at) { return *(volatile long *)at; }
static peek_function *choose(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("sse2") ? first : second;
}
long peek_chosen(unsigned long at) __attribute__((ifunc("choose")));
__attribute__((target_clones("avx2", "default"))) long tripled(long number) { return 3 * number; }
