/* gates.c - what a crossing costs, and of what it consists: one JSON line.
 *
 * times_ns: medians of RUNS runs, all cases taken in turn in each run, so that a busy
 * machine is busy for all of them. Whole crossings only on the pku backend: on
 * mprotect they are system calls. The parts that need no rights (a stack switch there
 * and back, one scrub) are the runtime's own code on either backend; a crossing has one
 * switch each way and two scrubs. direct: the call of an empty function, for scale.
 * instructions: of one crossing (minus the direct call's), counted by single steps.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>
#include "call.h"
#include "mpk.h"
#include "mpk_call.h"
#include "pace.h"

#define RUNS 41
#define TURNS 2000 /* of a case in a run: some tens of microseconds */

static __attribute__((noinline)) void empty(void *argument) { __asm__ volatile("" : : "r"(argument) : "memory"); }

static struct mpk_call call = {.function = (uintptr_t)empty, .name = "empty"};
static struct mpk_call_result result;
static uintptr_t spare_top;

static inline void two_writes(void) { /* the yardstick: nothing but the two instructions */
    uint32_t value;
    __asm__ volatile("rdpkru" : "=a"(value) : "c"(0) : "edx");
    for (int i = 0; i < TURNS; i++)
        for (int k = 0; k < 2; k++) __asm__ volatile("wrpkru" : : "a"(value), "c"(0), "d"(0) : "memory");
}
static inline void gate(void) {
    char token;
    mpk_gate_enter(&token, "empty");
    empty(NULL);
    mpk_gate_exit(&token);
}
static void zero_by_vzeroall(void) { __asm__ volatile("vzeroall" : : : "memory"); }

enum part { DIRECT, SWITCH, SCRUB, VZEROALL, BARE, GATE, CALL, PARTS };
static const char *const names[PARTS] = {"direct", "switch", "scrub", "vzeroall", "two_wrpkru", "gate", "call"};

static double once(enum part part) {
    double start = now_ns();
    switch (part) {
    case DIRECT: for (int i = 0; i < TURNS; i++) empty(NULL); break;
    case SWITCH: for (int i = 0; i < TURNS; i++) _mpk_stack_switch(spare_top, empty, NULL); break;
    case SCRUB: for (int i = 0; i < TURNS; i++) _mpk_call_scrub(); break;
    case VZEROALL: for (int i = 0; i < TURNS; i++) zero_by_vzeroall(); break;
    case BARE: two_writes(); break;
    case GATE: for (int i = 0; i < TURNS; i++) gate(); break;
    default: for (int i = 0; i < TURNS; i++) mpk_call(&call, &result); break;
    }
    return (now_ns() - start) / TURNS;
}

static int by_value(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static int pku;
static double medians[PARTS];

static int measured(enum part part) {
    return part < BARE ? part != VZEROALL || __builtin_cpu_supports("avx") : pku;
}

static void measure(void *in_call) {
    static double runs[PARTS][RUNS];
    int only_call = in_call != NULL; /* a plain gate is refused here, mpk_call wants to be here */
    for (int run = -1; run < RUNS; run++)
        for (int part = 0; part < PARTS; part++) {
            if (!measured((enum part)part) || (only_call ? part != CALL && part != BARE : part == CALL)) continue;
            double ns = once((enum part)part);
            if (run >= 0) runs[part][run] = ns;
        }
    for (int part = 0; part < PARTS; part++) {
        if (!measured((enum part)part) || (only_call ? part != CALL && part != BARE : part == CALL)) continue;
        qsort(runs[part], RUNS, sizeof(double), by_value);
        medians[part] = runs[part][RUNS / 2];
    }
}

/* ---- Instructions, by single steps of a child. ------------------------------- */

static void mark(void) { raise(SIGUSR2); }

static void steps_of_gate(void *unused) {
    (void)unused;
    gate();
    mark();
    gate();
    mark();
}
static void steps_of_call(void *unused) {
    (void)unused;
    mpk_call(&call, &result);
    mark();
    mpk_call(&call, &result);
    mark();
}
static void steps_of_direct(void *unused) {
    empty(unused);
    mark();
    empty(unused);
    mark();
}

static long count_steps(void (*body)(void *), int on_host_stack) {
    pid_t child = fork();
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL)) _exit(1);
        if (on_host_stack) _exit(mpk_host_stack(0, body, NULL) != 0);
        body(NULL);
        _exit(0);
    }
    long steps = 0;
    int status, marks = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return -1;
    for (;;) {
        if (WSTOPSIG(status) == SIGUSR2 && ++marks == 2) break;
        if (marks) steps++;
        if (ptrace(marks ? PTRACE_SINGLESTEP : PTRACE_CONT, child, NULL, NULL)) return -1;
        if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return -1;
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return steps;
}

int main(void) {
    static char spare[65536] __attribute__((aligned(64)));
    int error;
    if (!mpk_host(&error)) {
        fprintf(stderr, "%s\n", mpk_strerror(error));
        return 2;
    }
    pku = mpk_backend() == MPK_BACKEND_PKU;
    spare_top = (uintptr_t)spare + sizeof spare;
    error = mpk_host_stack(0, empty, NULL); /* which registers there are is known then */
    if (error) {
        fprintf(stderr, "%s\n", mpk_strerror(error));
        return 2;
    }
    measure(NULL);
    if (pku && mpk_host_stack(0, measure, &call)) return 2;
    printf("{\"backend\": \"%s\", \"cycles_per_ns\": %.3f, \"times_ns\": {", mpk_backend_name(), cycles_per_ns());
    for (int part = 0, some = 0; part < PARTS; part++)
        if (measured((enum part)part)) printf("%s\"%s\": %.2f", some++ ? ", " : "", names[part], medians[part]);
    printf("}, \"instructions\": {");
    if (pku) {
        long direct = count_steps(steps_of_direct, 0), gates = count_steps(steps_of_gate, 0);
        long calls = count_steps(steps_of_call, 1);
        if (direct > 0 && gates > 0 && calls > 0)
            printf("\"gate\": %ld, \"call\": %ld", gates - direct, calls - direct);
    }
    puts("}}");
    return 0;
}
