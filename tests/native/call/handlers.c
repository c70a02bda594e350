/* Signals around host stacks. argv[1]:
 *   host: a handler without SA_ONSTACK on the host stack uses the host's heap
 *   foreign: one on the foreign stack, by mpk_callback_enter
 *   storm: timer signals at any instant of a hundred thousand calls, both kinds of stack
 *   steps: a signal before each instruction of a thread's first calls
 *   report: a violation inside mpk_call on a thread that had no signal stack
 *   overflow: the host stack's guard page; overflow-foreign: the foreign one's
 *   plain: a plain gate on a host stack is refused
 *   not-allowed: a callback that nobody allowed
 *   middle: foreign code jumps to the WRPKRU that opens
 *   back-outside: mpk_call_back without mpk_call */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include "../core/check.h"
#include "mpk_call.h"

#define SINGLE_STEPS 400 /* by then the thread has its record */

static mpk_domain *host;
static char *secret;
static volatile int progress, ran, on_host, on_foreign;
static const char *mode;

static void use_the_heap(void) {
    (*opaque(secret))++;
    mpk_heap_free(host, mpk_heap_alloc(host, 100, 0));
}

/* In whatever state it finds the thread, as a handler of the program must. */
static void handler(int number) {
    int token;
    (void)number;
    mpk_callback_enter(&token);
    use_the_heap();
    if (mpk_domain_contains(host, &token)) on_host++;
    else on_foreign++;
    mpk_callback_exit(&token);
    ran++;
}

/* Without the heap, whose locks the thread may hold. */
static void small_handler(int number) {
    int token;
    (void)number;
    mpk_callback_enter(&token);
    (*opaque(secret))++;
    if (mpk_domain_contains(host, &token)) on_host++;
    else on_foreign++;
    mpk_callback_exit(&token);
    ran++;
}

/* A run that does not end says how far it came. */
static void too_late(int number) {
    char line[80];
    (void)number;
    int bytes = snprintf(line, sizeof line, "too late: %d calls, %d signals\n", progress, ran);
    (void)!write(STDERR_FILENO, line, (size_t)bytes);
    _exit(1);
}

static void host_handler(int number) {
    (void)number;
    use_the_heap();
    CHECK(!mpk_gate_is_foreign());
    ran++;
}

static void work(void) {
    if (!strcmp(mode, "foreign")) raise(SIGUSR1);
    if (!strcmp(mode, "report")) *opaque(secret) = 1;
    if (!strcmp(mode, "not-allowed")) mpk_call_back((void (*)(void *))use_the_heap, NULL);
}

static void call(void (*function)(void)) {
    struct mpk_call call = {.function = (uintptr_t)function, .name = "work"};
    struct mpk_call_result result;
    mpk_call(&call, &result);
}

/* Finds the opening WRPKRU by its bytes, behind the call of foreign code, and jumps to it
 * with every right in EAX and itself as the place to go on. */
static void jump_to_the_middle(void) {
    extern const char middle_begin[] __asm__("_mpk_call_pku");
    static const unsigned char bytes[] = {0x0f, 0x01, 0xef};
    const char *at = middle_begin;
    for (int seen = 0; seen < 2; at++) seen += !memcmp(at, bytes, sizeof bytes);
    __asm__ volatile("jmp *%0" : : "r"(at - 1), "a"(0), "c"(0), "d"(0));
}

static int recurse(int depth) {
    volatile char room[1000];
    room[0] = (char)depth;
    return depth ? recurse(depth - 1) + *opaque((void *)room) : 0;
}

static void too_deep(void) { recurse(1 << 20); }

static void block_handled(void) {
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGPROF);
    sigaddset(&mask, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &mask, NULL);
}

static void body(void *unused) {
    int token;
    (void)unused;
    if (!strcmp(mode, "host")) for (int i = 0; i < 10; i++) raise(SIGUSR1);
    else if (!strcmp(mode, "overflow")) recurse(1 << 20);
    else if (!strcmp(mode, "overflow-foreign")) call(too_deep);
    else if (!strcmp(mode, "middle")) call(jump_to_the_middle);
    else if (!strcmp(mode, "plain")) mpk_gate_enter(&token, "plain");
    else if (!strcmp(mode, "storm")) {
        int calls = is_pku() ? 100000 : 20000; /* mprotect: two system calls a crossing at least */
        for (int i = 0; i < calls || ran < 50; i++) {
            call(work);
            progress = i;
        }
        block_handled(); /* a thread's end takes the heap's locks, which a handler on it would wait for */
    } else for (int i = 0; i < 10; i++) call(work);
}

static void called_back(void *unused) {
    (void)unused;
    CHECK(!mpk_gate_is_foreign());
    (*opaque(secret))++;
}

static void call_back(void) { mpk_call_back(called_back, NULL); }

/* ---- Signals before an instruction, by the CPU's trap flag, from a thread's first steps
 * in the runtime on: once before each one to the end of its first calls, then before a
 * single one, on one thread after the other. The trap's handler runs nothing of ours: it
 * sends the signal, which comes as soon as the thread lets it. ---- */

static volatile int single_step; /* 0: each */

static void trapped(int number, siginfo_t *info, void *context) {
    (void)number;
    (void)info;
    if (++progress < single_step) return;
    if (single_step) ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~0x100;
    syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1);
}

static void set_trap_flag(void) {
    __asm__ volatile("subq $128, %%rsp\n\tpushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\taddq $128, %%rsp" : : : "memory", "cc");
}

static void clear_trap_flag(void) {
    __asm__ volatile("subq $128, %%rsp\n\tpushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq\n\taddq $128, %%rsp" : : : "memory", "cc");
}

static void first_calls(void *unused) {
    (void)unused;
    raise(SIGUSR1); /* also before anything that would find the thread's record again */
    call(work);
    call(call_back);
}

static void *stepped(void *unused) {
    set_trap_flag();
    int error = mpk_host_stack(0, first_calls, NULL);
    clear_trap_flag();
    block_handled(); /* a thread's end is no place for handlers that use the runtime */
    CHECK(error == 0);
    return unused;
}

static void step_through(int single) {
    pthread_t other;
    alarm(100);
    single_step = single;
    progress = ran = 0;
    CHECK(pthread_create(&other, NULL, stepped, NULL) == 0);
    CHECK(pthread_join(other, NULL) == 0);
}

static void steps(void) {
    struct sigaction trap = {.sa_sigaction = trapped, .sa_flags = SA_ONSTACK | SA_SIGINFO};
    struct sigaction small = {.sa_handler = small_handler};
    sigaddset(&trap.sa_mask, SIGUSR1);
    sigaddset(&small.sa_mask, SIGTRAP);
    CHECK(sigaction(SIGTRAP, &trap, NULL) == 0 && sigaction(SIGUSR1, &small, NULL) == 0);
    CHECK(mpk_call_back_allow(called_back) == 0);
    step_through(0);
    CHECK(progress > 1000 && ran > progress / 2);
    printf("ok: %d instructions, %d signals: %d on the host stack, %d elsewhere\n", progress, ran, on_host, on_foreign);
    for (int single = 1; single < SINGLE_STEPS; single++) {
        step_through(single);
        CHECK(progress == single && ran == 2);
    }
}

static void *thread(void *unused) {
    CHECK(mpk_host_stack(0, body, NULL) == 0);
    return unused;
}

int main(int arguments, char **words) {
    struct sigaction action = {.sa_handler = handler};
    struct itimerval timer = {{0, 2000}, {0, 2000}}; /* an emulated CPU is slow: handlers must end in between */
    CHECK(arguments == 2);
    mode = words[1];
    CHECK(mpk_faults_install() == 0); /* signals come before the first call */
    host = host_domain();
    secret = mpk_heap_calloc(host, 100, 0);
    if (!strcmp(mode, "back-outside")) mpk_call_back((void (*)(void *))use_the_heap, NULL);
    if (!strcmp(mode, "host")) action.sa_handler = host_handler;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0 && sigaction(SIGPROF, &action, NULL) == 0);
    signal(SIGALRM, too_late);
    alarm(100);
    if (!strcmp(mode, "steps")) {
        steps();
        return 0;
    }
    pthread_t other;
    CHECK(pthread_create(&other, NULL, thread, NULL) == 0);
    if (!strcmp(mode, "storm")) {
        block_handled(); /* this thread waits: the signals are the other one's */
        CHECK(setitimer(ITIMER_PROF, &timer, NULL) == 0);
    }
    pthread_join(other, NULL);
    int expected = strcmp(mode, "storm") ? 10 : 50;
    CHECK(strcmp(mode, "storm") ? ran == expected : ran >= expected);
    CHECK(!strcmp(mode, "host") || on_foreign > 0);
    CHECK(mpk_heap_check(host) == 0);
    printf("ok: %d on the host stack, %d on the foreign one\n", on_host, on_foreign);
    return 0;
}
