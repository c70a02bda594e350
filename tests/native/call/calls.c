/* mpk_call and mpk_host_stack: arguments and results pass, everything nests, control
 * words and rights are afterwards what they were, mpk_try comes back through it all. */
#include <setjmp.h>
#include <stdarg.h>
#include <xmmintrin.h>
#include "../core/check.h"
#include "mpk_call.h"

static mpk_domain *host;
static char *secret;

static int is_inside_host(const void *address) { return mpk_domain_contains(host, address); }

static uint64_t sum_integers(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f) {
    CHECK(mpk_gate_is_foreign() && !is_inside_host(__builtin_frame_address(0)));
    CHECK(!strcmp(mpk_gate_function(), "sum_integers"));
    return a + 10 * b + 100 * c + 1000 * d + 10000 * e + 100000 * f;
}

static double weigh(double a, double b, double c, double d, double e, double f, double g, double h) {
    return a + 2 * b + 4 * c + 8 * d + 16 * e + 32 * f + 64 * g + 128 * h;
}

static uint64_t variadic(int count, ...) {
    va_list list;
    va_start(list, count);
    double sum = 0;
    for (int i = 0; i < count; i++) sum += va_arg(list, double);
    va_end(list);
    return (uint64_t)sum;
}

struct pair { uint64_t first, second; };
static struct pair two(uint64_t a) { return (struct pair){a + 1, a + 2}; }
struct vector { double x, y; };
static struct vector halves(double a) { return (struct vector){a / 2, a / 4}; }

static struct mpk_call_result call(void *function, const char *name, uint64_t first) {
    struct mpk_call call = {.function = (uintptr_t)function, .name = name, .integers = {first}};
    struct mpk_call_result result;
    mpk_call(&call, &result);
    CHECK(!mpk_gate_is_foreign() && mpk_domain_rights(host) == MPK_READ_WRITE);
    return result;
}

/* Foreign code writes where the runtime guesses which record is the caller's. */
extern _Thread_local uintptr_t _mpk_record_guess;
static uint64_t forges(uint64_t guess) {
    _mpk_record_guess = guess;
    return guess;
}

static void values(void *unused) {
    struct mpk_call_result result;
    (void)unused;
    struct mpk_call integers = {(uintptr_t)sum_integers, "sum_integers", {1, 2, 3, 4, 5, 6}, {0}};
    mpk_call(&integers, &result);
    CHECK(result.rax == 654321);
    struct mpk_call doubles = {(uintptr_t)weigh, "weigh", {0}, {1, 1, 1, 1, 1, 1, 1, 0.5}};
    mpk_call(&doubles, &result);
    CHECK(result.xmm0 == 127 + 64);
    struct mpk_call both = {(uintptr_t)variadic, "variadic", {8}, {1, 2, 3, 4, 5, 6, 7, 8}};
    mpk_call(&both, &result);
    CHECK(result.rax == 36);
    result = call(two, "two", 40);
    CHECK(result.rax == 41 && result.rdx == 42);
    uintptr_t mine = _mpk_record_guess;
    uintptr_t guesses[] = {mine, 0, 1, mine + 8, mine + 2048, mine - 2048, (uintptr_t)&mine, MPK_PUBLISHED_BASE, UINTPTR_MAX};
    for (size_t i = 0; i < sizeof guesses / sizeof *guesses; i++)
        for (int again = 0; again < 2; again++) CHECK(call(forges, "forges", guesses[i]).rax == guesses[i]);
    struct mpk_call vector = {(uintptr_t)halves, "halves", {0}, {8}};
    mpk_call(&vector, &result);
    CHECK(result.xmm0 == 4 && result.xmm1 == 2);
}

/* What foreign code leaves behind is not found by the host, nor the other way. */
static void untidy(void) {
    CHECK(_mm_getcsr() == 0x1f80);
    _mm_setcsr(0xffbf);
    __asm__ volatile("fld1; fld1; fldz; fdivrp; std" : : : "memory");
    uint16_t word = 0x77f;
    __asm__ volatile("fldcw %0" : : "m"(word));
}

static void controls(void *unused) {
    uint16_t word = 0xf7f, now;
    (void)unused;
    _mm_setcsr(0x7f80);
    __asm__ volatile("fldcw %0" : : "m"(word));
    call(untidy, "untidy", 0);
    __asm__ volatile("fnstcw %0" : "=m"(now));
    CHECK(now == word && (_mm_getcsr() & ~0x3fu) == 0x7f80);
    uint64_t flags;
    __asm__ volatile("pushfq; popq %0" : "=r"(flags));
    CHECK(!(flags & 0x400));
    long double x87 = 1.5L;
    for (int i = 0; i < 10; i++) x87 += *(volatile char *)secret;
    CHECK(x87 == 1.5L + 10 * *secret); /* NaN if its stack had overflowed */
    word = 0x37f;
    __asm__ volatile("fldcw %0" : : "m"(word));
    _mm_setcsr(0x1f80);
}

/* host -> foreign -> host -> foreign ... each on its own side's stack. */
static int depth;
static uintptr_t last_host, last_foreign;
static void descend(void);

static void inside(void *argument) {
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    CHECK(is_inside_host((void *)here) && here < last_host && !mpk_gate_is_foreign());
    CHECK(mpk_gate_host_frame(here) && !mpk_gate_host_frame(last_foreign));
    CHECK(argument == &depth);
    last_host = here;
    (*secret)++;
    if (--depth > 0) call(descend, "descend", 0);
    (*secret)++;
}

static void descend(void) {
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    volatile uint64_t kept = 0x1234567890abcdef;
    CHECK(!is_inside_host((void *)here) && (!last_foreign || here < last_foreign));
    CHECK(mpk_gate_is_foreign() && mpk_gate_host_frame(last_host) && !mpk_gate_host_frame(here));
    last_foreign = here;
    _mm_setcsr(0x5f80);
    mpk_call_back(inside, &depth);
    CHECK(_mm_getcsr() == 0x5f80 && kept == 0x1234567890abcdef && mpk_gate_is_foreign());
}

static void nest(void *levels) {
    depth = *(int *)levels;
    int before = *secret;
    last_host = (uintptr_t)__builtin_frame_address(0);
    last_foreign = 0;
    call(descend, "descend", 0);
    CHECK(*secret == (char)(before + 2 * *(int *)levels));
    CHECK(mpk_gate_function() == NULL);
}

/* A plain callback: host code on the foreign stack, which then calls by mpk_call. */
static void plain_callback(void) {
    int token;
    uint64_t kept[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    (void)*opaque(kept);
    mpk_callback_enter(&token);
    CHECK(!mpk_gate_is_foreign() && !is_inside_host(&token));
    (*secret)++;
    values(NULL);
    mpk_callback_exit(&token);
    for (int i = 0; i < 8; i++) CHECK(kept[i] == (uint64_t)i + 1);
}

static void plain(void *unused) {
    (void)unused;
    char before = *secret;
    call(plain_callback, "plain_callback", 0);
    CHECK(*secret == before + 1);
}

static void fault(void) { *opaque(secret) = 0; }
static void call_fault(void *unused) {
    (void)unused;
    call(fault, "fault", 0);
    CHECK(!"not reached");
}
static void stack_fault(void *unused) {
    (void)unused;
    mpk_host_stack(0, call_fault, NULL);
}
static void inside_fault(void *unused) {
    (void)unused;
    CHECK(mpk_try(call_fault, NULL) == 1);
    values(NULL);
}
static void tries(void *unused) {
    (void)unused;
    struct mpk_violation v;
    for (int i = 0; i < 100; i++) {
        if (i == 1) CHECK(freopen("/dev/null", "w", stderr));
        CHECK(mpk_try(call_fault, NULL) == 1); /* on this host stack */
        CHECK(mpk_try(stack_fault, NULL) == 1); /* past another one */
        CHECK(mpk_host_stack(0, inside_fault, NULL) == 0);
        CHECK(mpk_last_violation(&v) == 1 && v.kind == MPK_BOUNDARY && !strcmp(v.function, "fault"));
    }
}

static jmp_buf past;
static void jump_past(void *unused) {
    (void)unused;
    longjmp(past, 1);
}

static void nested_stack(void *outer) {
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    CHECK(is_inside_host((void *)here));
    if (outer) {
        CHECK(mpk_host_stack(0, nested_stack, NULL) == 0);
        CHECK(mpk_host_stack(4 << 20, nested_stack, NULL) == 0);
        values(NULL);
    } else {
        char room[60000];
        memset(room, 1, sizeof room);
        (void)*opaque(room);
        values(NULL);
    }
}

int main(void) {
    int token, levels;
    host = host_domain();
    secret = mpk_heap_calloc(host, 100, 0);
    CHECK(mpk_host_stack(0, NULL, NULL) == MPK_EINVALID && mpk_host_stack((size_t)2 << 30, values, NULL) == MPK_EINVALID);
    values(NULL); /* outside of mpk_host_stack */
    CHECK(mpk_call_back_allow(inside) == 0 && mpk_call_back_allow(inside) == 0);
    CHECK(mpk_host_stack(0, values, NULL) == 0);
    CHECK(mpk_host_stack(0, controls, NULL) == 0);
    for (levels = 1; levels <= 32; levels++) CHECK(mpk_host_stack(0, nest, &levels) == 0);
    levels = 5;
    nest(&levels);
    CHECK(mpk_host_stack(0, plain, NULL) == 0);
    CHECK(mpk_host_stack(0, nested_stack, host) == 0);
    mpk_gate_enter(&token, "a plain gate again");
    mpk_gate_exit(&token);
    for (int i = 0; i < 200; i++) /* a longjmp went past: the next gate finds it out */
        if (!setjmp(past)) {
            mpk_host_stack(0, jump_past, NULL);
        } else {
            mpk_gate_enter(&token, "after a jump");
            mpk_gate_exit(&token);
        }
    mpk_set_policy(MPK_ON_VIOLATION_UNWIND);
    CHECK(mpk_host_stack(0, tries, NULL) == 0);
    mpk_gate_enter(&token, "and again");
    mpk_gate_exit(&token);
    CHECK(mpk_heap_check(host) == 0);
    puts("ok");
    return 0;
}
