/* The foreign side of the runtime rows: compiled by galeed-cc, called by src. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <unwind.h>

extern int mpk_gate_is_foreign(void);

/* ---- Start-up ---- */

static long born_before_main;
__attribute__((constructor)) static void born(void) {
    char *text = malloc(4);
    strcpy(text, "abc");
    born_before_main = (long)strlen(text);
    free(text);
}
long f_born(void) { return born_before_main; }

long f_sum(const unsigned char *at, size_t bytes) {
    long sum = 0;
    for (size_t i = 0; i < bytes; i++) sum += at[i];
    return sum;
}

void f_fill(unsigned char *at, size_t bytes, int value) {
    for (size_t i = 0; i < bytes; i++) at[i] = (unsigned char)value;
}

/* Each argument and a newline; returns what that took, or -1. */
long f_args(int count, char **arguments, char *out, size_t room) {
    size_t used = 0;
    for (int i = 0; i < count; i++) {
        size_t bytes = strlen(arguments[i]);
        if (used + bytes + 1 > room) return -1;
        memcpy(out + used, arguments[i], bytes);
        used += bytes;
        out[used++] = '\n';
    }
    return arguments[count] ? -1 : (long)used;
}

long f_env(const char *name, char *out, size_t room) {
    const char *value = getenv(name);
    if (!value) return -1;
    if (strlen(value) + 1 > room) return -2;
    strcpy(out, value);
    return (long)strlen(value);
}

/* ---- Rights ---- */

int f_is_foreign(void) { return mpk_gate_is_foreign(); }
int f_peek(uintptr_t address) { return *(volatile unsigned char *)address; }

static unsigned char *kept;
void f_keep(unsigned char *at) { kept = at; }
int f_use_kept(void) { return *kept; }

/* ---- Callbacks ---- */

typedef void (*callback)(void *);
static long after_calls;

/* Through two frames of its own. */
__attribute__((noinline)) static void calls_inner(callback call, void *argument) {
    volatile char frame[64] = {1};
    call(argument);
    after_calls += frame[0];
}
void f_calls(callback call, void *argument) {
    calls_inner(call, argument);
    after_calls++;
}
long f_after_calls(void) { return after_calls; }

/* An exception of C's own: neither Rust's nor C++'s. */
static void forget(_Unwind_Reason_Code reason, struct _Unwind_Exception *exception) {
    (void)reason;
    free(exception);
}
void f_raises(void) {
    struct _Unwind_Exception *exception = aligned_alloc(16, sizeof *exception);
    memset(exception, 0, sizeof *exception);
    exception->exception_class = 0x524f575300000001;
    exception->exception_cleanup = forget;
    _Unwind_RaiseException(exception);
    fputs("nobody catches it\n", stderr);
    abort();
}

/* ---- Stacks and signals ---- */

__attribute__((noinline)) int f_overflows(int depth) {
    volatile char frame[512];
    frame[0] = (char)depth;
    return depth < 0 ? 0 : f_overflows(depth + 1) + frame[0];
}

static volatile sig_atomic_t seen, seen_foreign, seen_on_stack;
static void on_signal(int number) {
    stack_t now;
    seen += number != 0;
    seen_foreign += mpk_gate_is_foreign();
    if (sigaltstack(NULL, &now) == 0) seen_on_stack += (now.ss_flags & SS_ONSTACK) != 0;
}
int f_handles(int number, int flags) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
    return sigaction(number, &action, NULL);
}
long f_seen(void) { return seen * 10000L + seen_foreign * 100 + seen_on_stack; }
int f_raise(int number) { return raise(number); }
int f_kill(int number) { return kill(getpid(), number); }
int f_has_signal_stack(void) {
    stack_t now;
    return sigaltstack(NULL, &now) == 0 && !(now.ss_flags & SS_DISABLE);
}

/* Foreign code until the count that a handler keeps reaches `wanted`. */
static volatile long rounds;
long f_busy_until(volatile long *count, long wanted) {
    while (*count < wanted) rounds++;
    return rounds;
}

int f_write(int file) { return write(file, "x", 1) == 1 ? 0 : errno; }

/* ---- Processes ---- */

int f_forks(callback in_child, void *argument) {
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        in_child(argument);
        _exit(mpk_gate_is_foreign() ? 40 : 41);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) return -1;
    return status;
}
/* Returns twice. */
int f_fork(void) { return fork(); }
/* The child of a fork in foreign code tries an address of the host. */
int f_fork_peeks(uintptr_t address) {
    int status = -1;
    pid_t child = fork();
    if (child == 0) _exit(f_peek(address));
    return waitpid(child, &status, 0) == child ? status : -1;
}

/* ---- Threads ---- */

struct start {
    callback call;
    void *argument;
    int foreign_before, foreign_after;
};
static void *start(void *argument) {
    struct start *start = argument;
    start->foreign_before = mpk_gate_is_foreign();
    if (start->call) start->call(start->argument);
    start->foreign_after = mpk_gate_is_foreign();
    return NULL;
}
/* A thread of C that calls back; errno's number if there is none, else 100 and whether it was
 * foreign before (1) and after (2). */
int f_thread(callback call, void *argument) {
    struct start how = {call, argument, 0, 0};
    pthread_t thread;
    int error = pthread_create(&thread, NULL, start, &how);
    if (error) return error;
    pthread_join(thread, NULL);
    return 100 + how.foreign_before + 2 * how.foreign_after;
}
/* A thread of C whose first function is the host's. */
int f_thread_of(void *(*first)(void *), void *argument) {
    pthread_t thread;
    void *result = NULL;
    int error = pthread_create(&thread, NULL, first, argument);
    if (error) return error;
    pthread_join(thread, &result);
    return 100 + (result == argument);
}
static void *peeks(void *argument) {
    return (void *)(uintptr_t)f_peek((uintptr_t)argument);
}
int f_thread_peeks(uintptr_t address) {
    pthread_t thread;
    int error = pthread_create(&thread, NULL, peeks, (void *)address);
    if (!error) pthread_join(thread, NULL);
    return error;
}
