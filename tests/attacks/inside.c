/* inside.c - the process under attack: host code, and the attack as foreign code.
 *
 * Order: the recorder; prepare(); the runtime; the domain and the secret in it; while_open(); the
 * policy; attack() behind a gate; what the host does meanwhile; again() behind a
 * gate; the host looks for its secret. Every step is named in evidence->stage, so that
 * an ending is known to be the attack's and not the harness's.
 */
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "evidence.h"
#include "inside.h"
#include "recorder.h"

#define HOST_WORK_NS 40000000
#define HOST_WAIT_NS 3000000000 /* ATTACK_HOST_WAITS, on a machine that is busy with other things */
#define NS_PER_S 1000000000

struct evidence *evidence;
struct target target;

struct run {
    const struct attack *attack;
    enum policy policy;
    unsigned char secret[SECRET_BYTES]; /* until it is in the domain */
};

void attack_hand_in(const void *bytes, size_t count) {
    size_t room = HANDED_BYTES - evidence->handed_bytes;
    if (count > room) count = room;
    memcpy(evidence->handed + evidence->handed_bytes, bytes, count);
    evidence->handed_bytes += (uint32_t)count;
}

void attack_read(void) {
    unsigned char copy[SECRET_BYTES];
    for (int i = 0; i < SECRET_BYTES; i++) copy[i] = target.secret[i];
    attack_hand_in(copy, sizeof copy);
}

void attack_write(void) {
    for (int i = 0; i < SECRET_BYTES; i++) target.secret[i] = 0x5a;
}

void attack_refused(const char *call, int error) {
    if (evidence->refused_error) return;
    strncpy(evidence->refused_call, call, sizeof evidence->refused_call - 1);
    evidence->refused_error = error;
}

/* Host code whose place is known: what a restartable sequence is laid over. */
extern const char host_loop[], host_loop_end[];
__asm__(".pushsection .text\nhost_loop:\n  dec %r12\n  jnz host_loop\nhost_loop_end:\n  ret\n.popsection\n");

/* The host at work: the secret goes through general registers, as computing with it
 * does, for a while; nothing of it is left in memory outside. */
static __attribute__((noinline)) void host_works(int waits) {
    volatile uint64_t *words = (volatile uint64_t *)target.secret;
    struct timespec begin, now;
    long most_ns = waits ? HOST_WAIT_NS : HOST_WORK_NS;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    target.host_works = 1;
    do {
        register uint64_t word __asm__("rbx") = words[0];
        register uint64_t turn __asm__("r12") = 100000;
        __asm__ volatile("call host_loop" : "+r"(word), "+r"(turn) : : "cc", "memory");
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (!target.enough && !evidence->refused_error &&
             (now.tv_sec - begin.tv_sec) * NS_PER_S + now.tv_nsec - begin.tv_nsec < most_ns);
    target.host_works = 0;
}

/* The host calls while it has the secret in hand: in registers that calls preserve,
 * and in its frame. */
static __attribute__((noinline)) void call_with_leftovers(const struct run *run) {
    volatile uint64_t local[SECRET_BYTES / 8];
    volatile uint64_t *words = (volatile uint64_t *)target.secret;
    for (int i = 0; i < SECRET_BYTES / 8; i++) local[i] = words[i];
    __asm__ volatile("mov %[word], %%rbx\n\tmov %[word], %%r12\n\tmov %[word], %%r13\n\tmov %[word], %%r14\n\t"
                     "mov %[word], %%r15\n\tmov %%rsp, %%rcx\n\tsub $128, %%rsp\n\tand $-16, %%rsp\n\t"
                     "push %%rcx\n\tpush %%rcx\n\tcall policy_call\n\tpop %%rcx\n\tpop %%rsp"
                     :
                     : [word] "a"(local[0]), "D"(run->policy), "S"(run->attack->attack)
                     : "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
    for (int i = 0; i < SECRET_BYTES / 8; i++) local[i] = 0;
}

static __attribute__((noinline)) void foreign(const struct run *run, enum stage stage) {
    target.return_slot = (void **)__builtin_frame_address(0) + 1;
    evidence->stage = stage;
    if (run->attack->flags & ATTACK_LEFTOVERS) call_with_leftovers(run);
    else policy_call(run->policy, stage == STAGE_ATTACK ? run->attack->attack : run->attack->again);
    evidence->stage = STAGE_HOST;
    if (stage == STAGE_ATTACK && run->attack->flags & ATTACK_HOST_WORKS)
        host_works((run->attack->flags & ATTACK_HOST_WAITS) != 0);
}

static void host_between(const struct run *run) {
    if (run->attack->flags & ATTACK_NEW_SECRET) {
        volatile unsigned char *page = policy_new_page(run->policy, 1);
        for (int i = 0; i < SECRET_BYTES; i++) page[i] = target.secret[i];
        target.secret = page;
    }
    if (run->attack->flags & ATTACK_ERASE) {
        for (int i = 0; i < SECRET_BYTES; i++) target.secret[i] = 0;
        evidence->erased = 1;
    }
    if (run->attack->host) run->attack->host();
}

static void attack_rounds(const struct run *run) {
    foreign(run, STAGE_ATTACK);
    host_between(run);
    if (run->attack->again) foreign(run, STAGE_AGAIN);
}

static volatile int policy_in_force;

static void early_rounds(void *run) {
    while (!policy_in_force) sched_yield();
    attack_rounds(run);
}

static void *early(void *argument) {
    struct run *run = argument;
    policy_host(run->policy, early_rounds, run);
    return NULL;
}

static void host(void *argument) {
    struct run *run = argument;
    pthread_t thread;
    policy_domain(run->policy);
    memcpy((void *)target.secret, run->secret, SECRET_BYTES);
    explicit_bzero(run->secret, SECRET_BYTES);
    if (run->attack->while_open) run->attack->while_open();
    int is_early = (run->attack->flags & ATTACK_EARLY_THREAD) != 0;
    if (is_early && pthread_create(&thread, NULL, early, run)) trouble("no thread");
    policy_harden(run->policy);
    policy_in_force = 1;
    if (is_early) pthread_join(thread, NULL);
    else attack_rounds(run);
    evidence->stage = STAGE_CHECK;
    for (int i = 0; i < SECRET_BYTES; i++) evidence->found[i] = target.secret[i];
    evidence->stage = STAGE_DONE;
    syscall(SYS_exit_group, 0);
}

void inside(const struct attack *attack, enum policy policy, int evidence_fd) {
    static struct run run;
    evidence = mmap(NULL, sizeof *evidence, PROT_READ | PROT_WRITE, MAP_SHARED, evidence_fd, 0);
    if (evidence == MAP_FAILED) _exit(2);
    target.before_start = (attack->flags & ATTACK_BEFORE_START) != 0;
    if (recorder_install()) trouble("no recorder: %s", strerror(errno));
    target.pku = policy_backend_is_pku();
    target.host_code = (uintptr_t)host_loop;
    target.host_code_bytes = (size_t)(host_loop_end - host_loop);
    evidence->process = getpid();
    evidence->stage = STAGE_PREPARE;
    if (attack->prepare) attack->prepare();
    /* The runtime may start the program anew here; the secret is taken only once. */
    policy_start(policy);
    run.attack = attack;
    run.policy = policy;
    memcpy(run.secret, evidence->secret, SECRET_BYTES);
    explicit_bzero(evidence->secret, SECRET_BYTES);
    evidence->stage = STAGE_POLICY;
    policy_host(policy, host, &run);
    trouble("the host came back");
}
