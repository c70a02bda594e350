/* instructions.c - forms of access that C has words for, and the list of all forms. */
#include "instructions.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FORM(name) void NAMED(name)(void *p, void *out)
#define DECLARE(name, bytes, kind) FORM(name);
FORMS(DECLARE)

/* A structure passed by value straight from where it lies. */
struct six { long numbers[6]; };
__attribute__((noinline)) long NAMED(sum)(struct six s);
long NAMED(sum)(struct six s) {
    s.numbers[5] += 1; /* the callee's own copy */
    return s.numbers[0] ^ s.numbers[5];
}
FORM(copied_argument) { *(long *)out = NAMED(sum)(*(struct six *)p); }

struct lists { va_list first, second; };
static long walk(struct lists *at, int n, ...) {
    long total = 0;
    va_start(at->first, n);
    total += va_arg(at->first, int);
    va_copy(at->second, at->first);
    while (n-- > 1) total = total * 10 + va_arg(at->second, long);
    total += (long)va_arg(at->second, double) + va_arg(at->first, long);
    va_end(at->first);
    va_end(at->second);
    return total;
}
FORM(argument_list) {
    *(long *)out = walk(p, 9, 1, 2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L, 2.5);
    memset(p, 0, sizeof(struct lists)); /* its addresses differ from run to run */
}

__attribute__((noinline, noreturn)) static void leap(void *p, int value) { longjmp(*(jmp_buf *)p, value); }
FORM(jump_buffer) {
    volatile int *count = out;
    int value = _setjmp(*(jmp_buf *)p);
    *count = *count * 10 + value;
    if (value < 3) leap(p, value + 1);
    memset(p, 0, sizeof(jmp_buf));
}
__attribute__((noinline, noreturn)) static void spring(void *p) { __builtin_longjmp(p, 1); }
FORM(builtin_jump) {
    volatile int *count = out;
    if (__builtin_setjmp(p) == 0) {
        *count += 1;
        spring(p);
    }
    *count += 10;
    memset(p, 0, 40);
}

struct sixteen { char bytes[16]; };
FORM(assembly_update) { __asm__("addl $5, %0" : "+m"(*(int *)p) : : "cc"); (void)out; }
FORM(assembly_wide) {
    __asm__("movdqu %1, %%xmm0\n\tmovdqu %%xmm0, %0" : "=m"(*(struct sixteen *)out) : "m"(*(struct sixteen *)p) : "xmm0");
    __asm__("movb $7, %0" : "=m"(*(struct sixteen *)p)); /* the other bytes stay */
}
FORM(assembly_locked) { __asm__ volatile("lock incl %0" : "+m"(*(int *)p) : : "cc"); (void)out; }
FORM(assembly_register) { __asm__ volatile("movl (%1), %0" : "=r"(*(int *)out) : "r"(p)); }
FORM(processor_state) {
    __builtin_ia32_fxsave64(p);
    *(int *)out = *(int *)((char *)p + 24); /* MXCSR */
    __builtin_ia32_fxrstor64(p);
    memset(p, 0, 512);
}

FORM(computed_goto) {
    void **table = p;
    static const void *const ends[] = {&&never, &&done};
    int *steps = out;
    table[0] = &&first;
    table[1] = &&second;
    goto *table[*steps];
first:
    *steps += 1;
    goto *table[*steps];
second:
    *steps += 10;
    memset(p, 0, 16);
    goto *ends[*steps == 11];
never:
    *steps = -1;
done:
    return;
}
FORM(assembly_goto) {
    __asm__ goto("testl %0, %0\n\tjs %l1" : : "r"(*(int *)p) : "cc" : negative);
    *(int *)out = 1;
    return;
negative:
    *(int *)out = 2;
}
static _Thread_local int per_thread;
FORM(thread_local) {
    per_thread = *(int *)p;
    *(int *)out = per_thread;
}
FORM(integers) {
    int *a = p, *b = a + 3, *results = out;
    uintptr_t bits = (uintptr_t)b;
    *b = *(int *)(bits ^ 0) + 1;
    results[0] = (a < b) + (a != b) * 2 + (a == b - 3) * 4;
    results[1] = (int)(b - a);
    results[2] = (int)((uintptr_t)p & 15);
    results[3] = *(int *)((bits + 15) / 16 * 16 - 4); /* rounding up lands behind b */
}
__attribute__((noinline)) static void store_next(void *p, void *out) { *(int *)out = ++*(int *)p; }
FORM(tail) { __attribute__((musttail)) return store_next(p, out); }
FORM(inline_blocks) {
    __builtin_memcpy_inline(out, p, 24);
    __builtin_memset_inline(p, 3, 24);
}
FORM(hints) {
    __builtin_prefetch(p, 1);
    ((int *)out)[0] = *(int *)p;
    ((int *)out)[1] = __builtin_dynamic_object_size(p, 0) == (size_t)-1;
}

/* Pointers in a structure that is passed by value from the host's memory. */
struct linked { long numbers[4]; int *far; };
__attribute__((noinline)) int NAMED(follow)(struct linked s);
int NAMED(follow)(struct linked s) { return *s.far + (int)s.numbers[3]; }
/* clang says of assignments from -O1 on where the pointers are. */
int NAMED(follow_assigned)(struct linked *to, struct linked *from);
int NAMED(follow_assigned)(struct linked *to, struct linked *from) {
    struct linked own = *from;
    __asm__("" : : "r"(&own) : "memory"); /* the copy is made */
    own.far += 1;
    *to = own;
    return *own.far;
}
int NAMED(follow_copy)(struct linked *p);
int NAMED(follow_copy)(struct linked *p) { return NAMED(follow)(*p); }

#ifdef PLAIN
/* strided.ll in words: three of four lanes, twelve bytes apart. */
FORM(strided_load) { for (int i = 0; i < 3; i++) ((int *)out)[i] = *(int *)((char *)p + 12 * i); }
FORM(strided_store) {
    for (int i = 0; i < 3; i++) *(int *)((char *)p + 12 * i) = i + 1;
    (void)out;
}
/* What LLVM calls for its element-wise atomic intrinsics; nobody ships them. */
void __llvm_memcpy_element_unordered_atomic_4(int *to, const int *from, size_t bytes);
void __llvm_memcpy_element_unordered_atomic_4(int *to, const int *from, size_t bytes) { memcpy(to, from, bytes); }
void __llvm_memmove_element_unordered_atomic_4(int *to, const int *from, size_t bytes);
void __llvm_memmove_element_unordered_atomic_4(int *to, const int *from, size_t bytes) { memmove(to, from, bytes); }
void __llvm_memset_element_unordered_atomic_4(int *to, char byte, size_t bytes);
void __llvm_memset_element_unordered_atomic_4(int *to, char byte, size_t bytes) { memset(to, byte, bytes); }
#else
static void *kept;
void keep_it(void *p);
void keep_it(void *p) { kept = p; }
void run_kept(void (*run)(void *, void *), void *out);
void run_kept(void (*run)(void *, void *), void *out) { run(kept, out); }
#endif

#define ROW(name, bytes, kind) {#name, NAMED(name), bytes, kind},
extern const struct form NAMED(list)[];
const struct form NAMED(list)[] = {FORMS(ROW){0, 0, 0, CHECKED}};
