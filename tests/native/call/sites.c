/* Part STACKS of mpk_harden. argv[1]:
 *   SITE: foreign code jumps to the SITEth WRPKRU of the runtime, with every right in EAX and
 *     one number in all other registers. argv[2] "matched": its low half is 0, which is what
 *     was written, and it is the address of zeros; "mismatched": it is not 0
 *   count: how many sites there are
 * With a policy that contains stacks in argv[2]:
 *   calls: what works: calls, callbacks, threads, a fork by the host
 *   off-stack, plain-open, unwind: what mpk_harden refuses, and why
 *   gate, callback, access, fork-by-C, thread-end: what ends the process
 * Prints "opened" when foreign code came by rights. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include "../core/check.h"
#include "mpk_call.h"
#include "mpk_harden.h"

#define MATCHED 0x7a00000000ul
#define MISMATCHED 0x7a00010000ul
#define REGION_BYTES 0x40000
#define STACK_WORDS 512
#define FAULTS_MOST 1000 /* of hardening: it does not touch the records that no thread has */

extern const int32_t sites_begin[] __asm__("__start_galeed_wrpkru"), sites_end[] __asm__("__stop_galeed_wrpkru");
static mpk_domain *host;
static char *secret;
static const char *mode;
static const unsigned char *site;
static unsigned long registers;

static void say(const char *line) { (void)!write(STDOUT_FILENO, line, strlen(line)); }

static void __attribute__((force_align_arg_pointer)) arrived(void) {
    if (*opaque(secret) == 's') say("opened\n");
    _exit(0);
}

static void jump(void) {
    unsigned char *region = mmap((void *)MATCHED, REGION_BYTES, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    CHECK(region == (void *)MATCHED);
    void **stack = (void **)(region + REGION_BYTES) - STACK_WORDS;
    for (int i = 0; i < STACK_WORDS; i++) stack[i] = (void *)(uintptr_t)arrived;
    __asm__ volatile("mov %0, %%rsp\n\tmov %1, %%r11\n\tmov %2, %%r10\n\t"
                     "xor %%eax, %%eax\n\txor %%ecx, %%ecx\n\txor %%edx, %%edx\n\t"
                     "mov %%r10, %%rbx\n\tmov %%r10, %%rbp\n\tmov %%r10, %%rsi\n\tmov %%r10, %%rdi\n\t"
                     "mov %%r10, %%r8\n\tmov %%r10, %%r9\n\tmov %%r10, %%r12\n\tmov %%r10, %%r13\n\t"
                     "mov %%r10, %%r14\n\tmov %%r10, %%r15\n\tpush %%r11\n\tmov %%r10, %%r11\n\tret"
                     :
                     : "r"(stack), "r"(site), "r"(registers)
                     : "memory", "rax", "rcx", "rdx", "r10", "r11");
    __builtin_unreachable();
}

static volatile int ran;
static void back(void *unused) {
    (void)unused;
    (*opaque(secret))++;
    (*opaque(secret))--;
    ran++;
}
static void callee(void) { mpk_call_back(back, NULL); }

static void call(void (*function)(void)) {
    struct mpk_call what = {.function = (uintptr_t)function, .name = "work"};
    struct mpk_call_result result;
    mpk_call(&what, &result);
}

static void access_by_c(void) { (void)mpk_access_begin(); }

static void fork_by_c(void) {
    pid_t child = fork();
    if (!child) _exit(0);
    CHECK(waitpid(child, NULL, 0) == child);
}

static void end_thread(void) { pthread_exit(NULL); }

static void plain_gate(void) {
    int token;
    mpk_gate_enter(&token, "plain");
    mpk_gate_exit(&token);
}

/* A host thread that uses no host stack of its own. */
static void *plain_thread(void *unused) {
    if (!strcmp(mode, "gate")) plain_gate();
    else if (!strcmp(mode, "thread-end")) call(end_thread);
    else call(callee);
    return unused;
}

static void *waiting_thread(void *unused) {
    pthread_barrier_wait(unused);
    call(callee);
    pthread_barrier_wait(unused);
    return NULL;
}

/* mprotect: while another thread is in foreign code, whoever runs on a host stack with
 * every signal blocked, as pthread_create does, cannot wait for it (THREAT_MODEL.md). */
static pthread_barrier_t together;

struct begun { void *(*body)(void *); };

static void *begin_later(void *begun) {
    void *(*body)(void *) = ((struct begun *)begun)->body;
    pthread_barrier_wait(&together);
    return body(NULL);
}

static void on_thread(void *(*body)(void *)) {
    pthread_t thread;
    struct begun begun = {body};
    pthread_barrier_init(&together, NULL, 2);
    CHECK(pthread_create(&thread, NULL, begin_later, &begun) == 0);
    pthread_barrier_wait(&together);
    CHECK(pthread_join(thread, NULL) == 0);
}

static void on_many_threads(void) {
    enum { MANY = 12 };
    pthread_t threads[MANY];
    pthread_barrier_init(&together, NULL, MANY + 1);
    for (int i = 0; i < MANY; i++) CHECK(pthread_create(&threads[i], NULL, waiting_thread, &together) == 0);
    for (int wait = 0; wait < 2; wait++) pthread_barrier_wait(&together);
    for (int i = 0; i < MANY; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

static void harden(const char *words) {
    struct mpk_harden_policy policy;
    struct mpk_harden_report report;
    struct rusage before, after;
    CHECK(mpk_harden_parse(words, &policy) == 0 && getrusage(RUSAGE_SELF, &before) == 0);
    int error = mpk_harden(&policy, &report);
    CHECK(getrusage(RUSAGE_SELF, &after) == 0 && after.ru_minflt - before.ru_minflt < FAULTS_MOST);
    if (!error) return;
    printf("refused: %s\n", report.reason);
    exit(0);
}

static void calls(void) {
    for (int i = 0; i < 100; i++) call(callee);
    on_thread(plain_thread);
    on_many_threads();
    CHECK(ran == 113 && *opaque(secret) == 's');
    pid_t child = fork(); /* of the host: allowed, and whole but for part FORK */
    if (!child) {
        call(callee);
        _exit(ran == 114 ? 7 : 8);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7);
    say("ok\n");
}

static void body(void *words) {
    int token;
    if (!strcmp(mode, "plain-open")) mpk_callback_enter(&token);
    harden(words);
    if (!strcmp(mode, "calls")) calls();
    else if (!strcmp(mode, "gate") || !strcmp(mode, "thread-end")) on_thread(plain_thread);
    else if (!strcmp(mode, "callback")) mpk_callback_enter(&token);
    else if (!strcmp(mode, "access")) call(access_by_c);
    else if (!strcmp(mode, "fork-by-C")) call(fork_by_c);
    else call(jump);
}

int main(int count, char **words) {
    CHECK(count == 3);
    mode = words[1];
    alarm(60);
    host = host_domain();
    secret = mpk_heap_alloc(host, 4096, 4096);
    *opaque(secret) = 's';
    CHECK(mpk_call_back_allow(back) == 0);
    if (!strcmp(mode, "count")) {
        printf("%zu\n", (size_t)(sites_end - sites_begin));
        return 0;
    }
    if (*mode >= '0' && *mode <= '9') {
        int number = atoi(mode);
        CHECK(number < sites_end - sites_begin);
        site = (const unsigned char *)&sites_begin[number] + sites_begin[number];
        CHECK(site[0] == 0x0f && site[1] == 0x01 && site[2] == 0xef);
        registers = !strcmp(words[2], "matched") ? MATCHED : MISMATCHED;
        words[2] = "stacks";
    }
    if (!strcmp(mode, "off-stack")) body(words[2]);
    else CHECK(mpk_host_stack(0, body, words[2]) == 0);
    return 0;
}
