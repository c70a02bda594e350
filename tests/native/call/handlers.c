/* Signals around host stacks. argv[1]:
 *   host: a handler without SA_ONSTACK on the host stack uses the host's heap
 *   foreign: one on the foreign stack, by mpk_callback_enter
 *   storm: timer signals at any instant of a hundred thousand calls, both kinds of stack
 *   report: a violation inside mpk_call on a thread that had no signal stack
 *   overflow: the host stack's guard page; overflow-foreign: the foreign one's
 *   plain: a plain gate on a host stack is refused
 *   not-allowed: a callback that nobody allowed
 *   middle: foreign code jumps to the WRPKRU that opens
 *   back-outside: mpk_call_back without mpk_call */
#include <pthread.h>
#include <sys/time.h>
#include "../core/check.h"
#include "mpk_call.h"

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

static void block_timer(void) {
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGPROF);
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
        block_timer(); /* a thread's end takes the heap's locks, which a handler on it would wait for */
    } else for (int i = 0; i < 10; i++) call(work);
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
    pthread_t other;
    CHECK(pthread_create(&other, NULL, thread, NULL) == 0);
    if (!strcmp(mode, "storm")) {
        block_timer(); /* this thread waits: the signals are the other one's */
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
