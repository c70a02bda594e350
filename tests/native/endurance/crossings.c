/* Gate crossings from many threads, and forks and signals among them. argv[1]:
 *   threads N: 64 threads, N round trips in all, half of them by mpk_call; each
 *     checks its rights and a word of its own in the host's heap on both sides
 *   stacks N: 64 threads, N round trips in all, by mpk_call under part STACKS of mpk_harden
 *   storm N: N plain gates under a timer whose handler uses the host's heap
 *   forks N: N forks, from host and from foreign code, while four threads cross;
 *     every child crosses, allocates and leaves
 *   first N: N processes in which one thread makes the very first gate while
 *     another one forks; the child's first gate must not wait for anybody */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <sys/wait.h>
#include "../core/check.h"
#include "mpk_call.h"
#include "mpk_harden.h"

#define THREADS 64
#define PATIENCE_SECONDS 20

static mpk_domain *host;
static long rounds;
static _Atomic int stop, ran;

static uint64_t foreign_add(uint64_t a, uint64_t b) {
    CHECK(mpk_gate_is_foreign());
    return a + b;
}

static void cross(volatile uint64_t *word) {
    char token; /* in this frame; where no value is kept */
    uint64_t before = *word;
    mpk_gate_enter(&token, "cross");
    CHECK(mpk_gate_is_foreign());
    mpk_gate_exit(&token);
    CHECK(*word == before);
    *word = before + 1;
}

static void cross_by_call(volatile uint64_t *word) {
    struct mpk_call call = {.function = (uintptr_t)foreign_add, .name = "foreign_add", .integers = {*word, 1}};
    struct mpk_call_result result;
    mpk_call(&call, &result);
    CHECK(result.rax == *word + 1);
    *word = result.rax;
}

static void half_by_call(void *word) {
    for (long i = 0; i < rounds / THREADS / 2; i++) cross_by_call(word);
}

static void *crossing(void *unused) {
    uint64_t *word = mpk_heap_calloc(host, sizeof *word, 0);
    for (long i = 0; i < rounds / THREADS - rounds / THREADS / 2; i++) cross(word);
    CHECK(mpk_host_stack(0, half_by_call, word) == 0);
    CHECK(*word == (uint64_t)(rounds / THREADS));
    mpk_heap_free(host, word);
    return unused;
}

static void many_threads(void) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, crossing, NULL) == 0);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    printf("ok: %ld round trips from %d threads\n", rounds / THREADS * THREADS, THREADS);
}

static pthread_barrier_t together; /* mprotect: who starts blocks signals, and could wait for nobody */

static void *crossing_by_calls(void *unused) {
    pthread_barrier_wait(&together);
    uint64_t *word = mpk_heap_calloc(host, sizeof *word, 0);
    for (long i = 0; i < rounds / THREADS; i++) cross_by_call(word);
    CHECK(*word == (uint64_t)(rounds / THREADS));
    mpk_heap_free(host, word);
    return unused;
}

static void under_part_stacks(void *unused) {
    (void)unused;
    pthread_t threads[THREADS];
    struct mpk_harden_policy policy;
    struct mpk_harden_report report;
    CHECK(mpk_harden_parse("stacks", &policy) == 0 && mpk_harden(&policy, &report) == 0);
    CHECK(report.applied == MPK_HARDEN_STACKS && pthread_barrier_init(&together, NULL, THREADS) == 0);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, crossing_by_calls, NULL) == 0);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(mpk_heap_check(host) == 0);
    printf("ok: %ld round trips from %d threads\n", rounds / THREADS * THREADS, THREADS);
}

/* A frame of its own as well: tokens of one frame have no order. */
static __attribute__((noinline)) void gate_of_its_own(void) {
    int token;
    mpk_gate_enter(&token, "on_timer");
    CHECK(mpk_gate_is_foreign());
    mpk_gate_exit(&token);
    (void)*opaque(&token);
}

static void on_timer(int number) {
    int token;
    (void)number;
    mpk_callback_enter(&token);
    mpk_heap_free(host, mpk_heap_alloc(host, 200, 0));
    CHECK(!mpk_gate_is_foreign());
    gate_of_its_own();
    mpk_callback_exit(&token);
    ran++;
}

static void storm(void) {
    struct sigaction action = {.sa_handler = on_timer};
    struct itimerval timer = {{0, 300}, {0, 300}}, none = {{0, 0}, {0, 0}};
    uint64_t *word = mpk_heap_calloc(host, sizeof *word, 0);
    CHECK(mpk_faults_install() == 0 && sigaction(SIGALRM, &action, NULL) == 0);
    cross(word);
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    long i = 1;
    for (; i < rounds || ran < 100; i++) cross(word);
    CHECK(setitimer(ITIMER_REAL, &none, NULL) == 0);
    CHECK(*word == (uint64_t)i && mpk_heap_check(host) == 0);
    printf("ok: %d signals\n", (int)ran);
}

static void *crossing_on(void *unused) {
    uint64_t *word = mpk_heap_calloc(host, sizeof *word, 0);
    while (!atomic_load(&stop)) {
        cross(word);
        if (!is_pku()) usleep(200); /* one foreign thread at a time: leave some for the others */
    }
    mpk_heap_free(host, word);
    return unused;
}

static void in_child(void *word) {
    half_by_call(word);
    cross_by_call(word);
}

static void leave_well(pid_t child) {
    int status;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    if (!WIFEXITED(status)) fprintf(stderr, "a child ended by signal %d\n", WTERMSIG(status));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void forks(void) {
    pthread_t threads[4];
    uint64_t *word = mpk_heap_calloc(host, sizeof *word, 0);
    long wanted = rounds;
    rounds = 0;
    for (int i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, crossing_on, NULL) == 0);
    for (long i = 0; i < wanted; i++) {
        char token;
        if (i % 2) mpk_gate_enter(&token, "forks");
        pid_t child = fork();
        if (!child) alarm(PATIENCE_SECONDS);
        if (i % 2) {
            CHECK(mpk_gate_is_foreign());
            mpk_gate_exit(&token);
        }
        if (!child) {
            for (int k = 0; k < 10; k++) cross(word);
            CHECK(mpk_host_stack(0, in_child, word) == 0);
            void *block = mpk_heap_alloc(host, 20000, 0);
            memset(block, 1, 20000);
            mpk_heap_free(host, block);
            CHECK(mpk_heap_check(host) == 0);
            _exit(0);
        }
        leave_well(child);
        cross(word);
    }
    atomic_store(&stop, 1);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    printf("ok: %ld forks\n", wanted);
}

static _Atomic int ready;

static void *first_gate(void *word) {
    atomic_store(&ready, 1);
    cross(word);
    return NULL;
}

static void first(void) {
    for (long i = 0; i < rounds; i++) {
        pid_t process = fork(); /* nothing of ours has started in it yet */
        if (process) {
            leave_well(process);
            continue;
        }
        alarm(PATIENCE_SECONDS);
        pthread_t thread;
        atomic_store(&ready, 0);
        host = host_domain();
        uint64_t *word = mpk_heap_calloc(host, sizeof *word, 0);
        uint64_t *mine = mpk_heap_calloc(host, sizeof *mine, 0);
        CHECK(pthread_create(&thread, NULL, first_gate, word) == 0);
        while (!atomic_load(&ready)) sched_yield();
        for (volatile long wait = (i * 37) % 3000; wait > 0; wait--) {}
        pid_t child = fork();
        if (!child) {
            alarm(PATIENCE_SECONDS);
            cross(mine);
            struct sigaction now;
            CHECK(sigaction(SIGSEGV, NULL, &now) == 0 && now.sa_handler != SIG_DFL);
            CHECK(sigaction(SIGBUS, NULL, &now) == 0 && now.sa_handler != SIG_DFL);
            _exit(0);
        }
        leave_well(child);
        pthread_join(thread, NULL);
        _exit(0);
    }
    printf("ok: %ld first gates\n", rounds);
}

int main(int arguments, char **words) {
    CHECK(arguments == 3);
    rounds = atol(words[2]);
    if (!strcmp(words[1], "first")) {
        first();
        return 0;
    }
    host = host_domain();
    if (!strcmp(words[1], "threads")) many_threads();
    else if (!strcmp(words[1], "stacks")) CHECK(mpk_host_stack(0, under_part_stacks, NULL) == 0);
    else if (!strcmp(words[1], "storm")) storm();
    else forks();
    CHECK(mpk_heap_check(host) == 0);
    return 0;
}
