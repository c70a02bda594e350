/* D3 of the attack catalogue: what foreign code finds of the host's values in registers
 * and in dead stack. argv[1]: gate: behind a plain gate (all of it is there to be found);
 * call: inside mpk_call (nothing). Prints one line a place: "xmm 0", "stack 1", ... */
#include <cpuid.h>
#include "../core/check.h"
#include "mpk_call.h"

#define SECRET 0x5ec4e75ec4e7f00dULL
#define STACK_BYTES 4096

/* All that foreign code can look at, as it finds it. Offsets are in the assembler. */
static struct {
    uint64_t general[12];   /* rbx rbp r10-r15, and rax rcx rdx r11 */
    uint64_t vectors[32 * 8];
    uint64_t masks[8];
    uint64_t x87[64];       /* fxsave: st0 at byte 32 */
    uint32_t mxcsr;
    uint32_t has_avx512, has_avx;
} __attribute__((aligned(64))) seen;
static uint64_t stack_copy[STACK_BYTES / 8];

__asm__(".text\nlook_around:\n"
        "    pushq %rax\n    leaq seen(%rip), %rax\n"
        "    movq %rbx, 0(%rax)\n    movq %rbp, 8(%rax)\n    movq %r10, 16(%rax)\n    movq %r12, 24(%rax)\n"
        "    movq %r13, 32(%rax)\n    movq %r14, 40(%rax)\n    movq %r15, 48(%rax)\n    movq %rcx, 56(%rax)\n"
        "    movq %rdx, 64(%rax)\n    movq %r11, 72(%rax)\n"
        "    stmxcsr 2720(%rax)\n    fxsave 2208(%rax)\n"
        "    cmpl $0, 2724(%rax)\n    je 1f\n"
        "    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
        "    vmovdqu64 %zmm\\n, 96+64*\\n(%rax)\n    .endr\n"
        "    .irp n, 0,1,2,3,4,5,6,7\n    kmovq %k\\n, 2144+8*\\n(%rax)\n    .endr\n    jmp 3f\n"
        "1:  cmpl $0, 2728(%rax)\n    je 2f\n"
        "    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n    vmovdqu %ymm\\n, 96+64*\\n(%rax)\n    .endr\n    jmp 3f\n"
        "2:  .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n    movdqu %xmm\\n, 96+64*\\n(%rax)\n    .endr\n"
        "3:  popq %rax\n    ret\n");
void look_around(void);
_Static_assert(__builtin_offsetof(__typeof__(seen), vectors) == 96 && __builtin_offsetof(__typeof__(seen), masks) == 2144 &&
               __builtin_offsetof(__typeof__(seen), x87) == 2208 && __builtin_offsetof(__typeof__(seen), mxcsr) == 2720,
               "as the assembler has it");

/* Foreign: registers first, before compiled code changes any; then what lies below. */
__asm__(".text\nforeign_look:\n"
        "    call look_around\n"
        "    leaq -4096(%rsp), %rsi\n    leaq stack_copy(%rip), %rdi\n    movl $512, %ecx\n    rep movsq\n    ret\n");
void foreign_look(void);

/* Host: works with the secret, as any code does, and leaves it where it was worked on. */
static __attribute__((noinline)) void work_on_the_stack(void) {
    uint64_t room[200];
    for (int i = 0; i < 200; i++) room[i] = SECRET;
    (void)*opaque(room);
    __asm__ volatile("" : : "r"(room) : "memory");
}

static void fill_registers(void) {
    uint64_t secret = SECRET;
    uint32_t mxcsr = 0x1fbf;
    __asm__ volatile("fildq %0; fstp %%st(0); ldmxcsr %1" : : "m"(secret), "m"(mxcsr) : "memory");
    __asm__ volatile(".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n movq %0, %%xmm\\n\n"
                     "punpcklqdq %%xmm\\n, %%xmm\\n\n.endr" : : "r"(secret) : "memory");
    if (seen.has_avx)
        __asm__ volatile(".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
                         "vinsertf128 $1, %%xmm\\n, %%ymm\\n, %%ymm\\n\n.endr" : : : "memory");
    if (seen.has_avx512)
        __asm__ volatile(".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n vpbroadcastq %0, %%zmm\\n\n.endr\n"
                         ".irp n, 16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n vpbroadcastq %0, %%zmm\\n\n.endr\n"
                         ".irp n, 0,1,2,3,4,5,6,7\n kmovq %0, %%k\\n\n.endr" : : "r"(secret) : "memory");
}

/* Calls with the secret in all registers that the callee must preserve, or may not know. */
#define WITH_SECRET_REGISTERS(call)                                                                    \
    do {                                                                                               \
        register uint64_t b __asm__("rbx") = SECRET, c __asm__("r12") = SECRET;                        \
        register uint64_t d __asm__("r13") = SECRET, e __asm__("r14") = SECRET;                        \
        register uint64_t f __asm__("r15") = SECRET;                                                   \
        __asm__ volatile("" : "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));                            \
        call;                                                                                          \
        __asm__ volatile("" : "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));                            \
        CHECK(b == SECRET && c == SECRET && d == SECRET && e == SECRET && f == SECRET);                \
    } while (0)

static int count(const uint64_t *words, size_t bytes) {
    int found = 0;
    for (size_t i = 0; i < bytes / 8; i++) found += words[i] == SECRET || words[i] == (SECRET & 0xffff);
    return found;
}

static void tell(void) {
    int x87 = 0;
    for (int i = 0; i < 8; i++) x87 += seen.x87[4 + 2 * i] == SECRET << 1; /* normalised */
    printf("general %d\n", count(seen.general, sizeof seen.general) > 0);
    printf("vector %d\n", count(seen.vectors, sizeof seen.vectors));
    printf("mask %d\n", count(seen.masks, sizeof seen.masks));
    printf("x87 %d\n", x87 > 0);
    printf("mxcsr %d\n", (seen.mxcsr & 0x3f) != 0);
    printf("stack %d\n", count(stack_copy, sizeof stack_copy) > 0);
}

static void behind_gate(void) {
    int token;
    work_on_the_stack();
    mpk_gate_enter(&token, "the first one prepares the thread");
    mpk_gate_exit(&token);
    work_on_the_stack();
    fill_registers();
    mpk_gate_enter(&token, "look");
    WITH_SECRET_REGISTERS(foreign_look());
    mpk_gate_exit(&token);
}

static void inside_call(void *unused) {
    (void)unused;
    struct mpk_call call = {.function = (uintptr_t)foreign_look, .name = "look"};
    struct mpk_call_result result;
    work_on_the_stack();
    fill_registers();
    WITH_SECRET_REGISTERS(mpk_call(&call, &result));
}

int main(int arguments, char **words) {
    unsigned eax = 0, edx = 0, a, b, c, d;
    CHECK(arguments == 2);
    if (__get_cpuid(1, &a, &b, &c, &d) && (c & (1u << 27)))
        __asm__ volatile("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
    seen.has_avx = (eax & 4) != 0;
    seen.has_avx512 = (eax & 0xe0) == 0xe0 && __builtin_cpu_supports("avx512bw");
    host_domain();
    if (!strcmp(words[1], "gate")) behind_gate();
    else CHECK(mpk_host_stack(0, inside_call, NULL) == 0);
    tell();
    return 0;
}
