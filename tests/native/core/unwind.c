/* mpk_try: comes back from faults and from mpk_violate, with registers, control
 * words, rights, gates and the signal mask as they were. */
#include <setjmp.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xmmintrin.h>
#include "check.h"

static mpk_domain *host;
static char *secret;

static __attribute__((noinline)) void fault(void *argument) { /* a frame of its own below its callers' tokens */
    int token;
    mpk_gate_enter(&token, "fault");
    _mm_setcsr(_mm_getcsr() ^ 0x6000); /* foreign code may leave anything behind */
    __asm__ volatile("fld1; std" : : : "memory");
    *opaque(secret) = *(char *)argument;
    mpk_gate_exit(&token);
}

static void violate(void *argument) {
    int token;
    struct mpk_violation v = {.kind = MPK_TEMPORAL, .key = -1, .address = (uintptr_t)argument};
    mpk_gate_enter(&token, "violate");
    int was = mpk_access_begin();
    mpk_violate(&v);
    mpk_access_end(was);
    mpk_gate_exit(&token);
}

static void fine(void *argument) { ++*(int *)argument; }

/* An inner try takes the violation; the outer one goes on. */
static void nested(void *argument) {
    int token, callback_token;
    char zero = 0;
    mpk_gate_enter(&token, "nested");
    mpk_callback_enter(&callback_token);
    CHECK(mpk_try(fault, &zero) == 1);
    CHECK(!mpk_gate_is_foreign());
    mpk_callback_exit(&callback_token);
    CHECK(mpk_gate_is_foreign());
    CHECK(!strcmp(mpk_gate_function(), "nested"));
    mpk_gate_exit(&token);
    fine(argument);
}

/* The same without a try inside: the callback's frames are dropped. */
static void dropping(void *argument) {
    int token, callback_token;
    mpk_gate_enter(&token, "dropping");
    mpk_callback_enter(&callback_token);
    fault(argument);
    mpk_callback_exit(&callback_token);
    mpk_gate_exit(&token);
}

/* Where callbacks are kept, only what is inside of one, or runs in their place, is not dropped. */
static int host_runs(void) { return 1; }
static void fault_kept(void *argument) {
    mpk_try_keep_callbacks(NULL);
    fault(argument);
}
static void nested_kept(void *argument) {
    mpk_try_keep_callbacks(NULL);
    nested(argument);
}
static void dropping_kept(void *argument) {
    mpk_try_keep_callbacks(NULL);
    dropping(argument);
}
static void fault_held(void *argument) {
    mpk_try_keep_callbacks(host_runs);
    fault(argument);
}
static bool aborts(void (*body)(void *), void *argument) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        mpk_try(body, argument);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static jmp_buf past;
static void jump_past(void *argument) {
    (void)argument;
    longjmp(past, 1);
}

static __attribute__((noinline)) void skip_try(void) {
    char room[512];
    (void)*opaque(room);
    mpk_try(jump_past, NULL);
}

int main(void) {
    struct mpk_violation v;
    sigset_t before, after;
    char zero = 0;
    host = host_domain();
    secret = mpk_heap_alloc(host, 10, 0);
    *secret = 42;
    mpk_set_policy(MPK_ON_VIOLATION_UNWIND);
    CHECK(mpk_last_violation(&v) == 0);
    int ran = 0;
    CHECK(mpk_try(fine, &ran) == 0 && ran == 1);
    sigemptyset(&before);
    sigaddset(&before, SIGUSR1);
    sigprocmask(SIG_BLOCK, &before, NULL);
    sigprocmask(SIG_BLOCK, NULL, &before);
    unsigned mxcsr = _mm_getcsr();
    for (int i = 0; i < 1000; i++) {
        void (*const bodies[])(void *) = {fault, violate};
        if (i == 2 && !getenv("LOUD")) { /* the text of two is enough to read */
            fflush(stderr);
            CHECK(freopen("/dev/null", "w", stderr));
        }
        CHECK(mpk_try(bodies[i % 2], &zero) == 1);
        CHECK(!mpk_gate_is_foreign() && mpk_domain_rights(host) == MPK_READ_WRITE);
        CHECK(_mm_getcsr() == mxcsr && mpk_gate_function() == NULL);
        long double x87 = 1.5L;
        CHECK(x87 * (long double)(i + 1) == (i + 1) * 1.5L); /* NaN if the x87 stack had overflowed */
        CHECK(mpk_last_violation(&v) == 1);
        CHECK(v.kind == (uint32_t)(i % 2 ? MPK_TEMPORAL : MPK_BOUNDARY) && v.action == MPK_ON_VIOLATION_UNWIND);
    }
    sigprocmask(SIG_BLOCK, NULL, &after);
    for (int number = 1; number < 65; number++)
        CHECK(sigismember(&before, number) == sigismember(&after, number));
    CHECK(mpk_try(nested, &ran) == 0 && ran == 2);
    ran = 1;
    CHECK(mpk_try(fault_kept, &zero) == 1 && mpk_try(nested_kept, &ran) == 0 && ran == 2);
    CHECK(aborts(dropping_kept, &zero) && aborts(fault_held, &zero));
    CHECK(!aborts(dropping, &zero) && mpk_try(dropping, &zero) == 1); /* the next try in its place knows nothing of it */
    CHECK(!mpk_gate_is_foreign() && mpk_gate_function() == NULL);
    for (int i = 0; i < 200; i++) /* a longjmp went past them: dropped, not piled up */
        if (!setjmp(past)) skip_try();
    CHECK(mpk_try(fine, &ran) == 0 && ran == 3);
    CHECK(*secret == 42);
    puts("ok");
    return 0;
}
