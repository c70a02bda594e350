/* The mechanism below a server of traps: who is asked, what a step leaves behind, and that
 * other signals find foreign code's own registers. The server here knows one handle and
 * instructions with it in RSI, and has the thread perform them on its window. */
#define _GNU_SOURCE
#include "check.h"
#include <signal.h>
#include <sys/wait.h>
#include <ucontext.h>
#include "mpk_trap.h"

#define HANDLE 0x8000000000000010u
#define RSI 6

static int asked, ended, stopped;
static volatile int caught;
static volatile uint64_t seen_rsi, seen_pc;
static volatile int usr1;

static enum mpk_trap_verdict server(struct mpk_trap *trap) {
    if (trap->phase == MPK_TRAP_FAULTED) {
        asked++;
        if (trap->registers[RSI] != HANDLE) return MPK_TRAP_DECLINE;
        CHECK(trap->code_bytes > 0 && trap->code_bytes <= MPK_TRAP_CODE_BYTES);
        CHECK(!memcmp(trap->code, (void *)trap->pc, trap->code_bytes));
        *(uint64_t *)(trap->window + (HANDLE & 4095)) = 77;
        trap->registers[RSI] = trap->window + (HANDLE & 4095);
        trap->keep[0] = trap->registers[RSI];
        return MPK_TRAP_STEP;
    }
    ended += trap->phase == MPK_TRAP_ENDED;
    stopped += trap->phase == MPK_TRAP_STOPPED;
    trap->registers[RSI] += HANDLE - trap->keep[0];
    return MPK_TRAP_CONTINUE;
}

/* A handler of the program's, from before: goes on behind the two bytes of MOVSQ. */
static void on_segv(int number, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    (void)number;
    (void)info;
    caught++;
    seen_rsi = (uint64_t)registers[REG_RSI];
    seen_pc = (uint64_t)registers[REG_RIP];
    registers[REG_RIP] += 2;
}

static void on_trap(int number) { caught += number == SIGTRAP; }
static void on_usr1(int number) { usr1 += number == SIGUSR1; }

static uint64_t load(uint64_t from) {
    uint64_t value, after;
    __asm__ volatile("movq (%%rsi), %0" : "=&r"(value), "=S"(after) : "S"(from) : "memory");
    CHECK(after == from);
    return value;
}

static __attribute__((noinline)) void foreign_code(void) {
    int token;
    sigset_t before, after;
    uint64_t from = HANDLE, to = 8, pc;
    mpk_gate_enter(&token, "foreign_code");
    sigprocmask(SIG_BLOCK, NULL, &before);
    raise(SIGUSR1);
    CHECK(load(HANDLE) == 77 && asked == 1 && ended == 1 && stopped == 0 && usr1 == 1);
    sigprocmask(SIG_BLOCK, NULL, &after);
    CHECK(!memcmp(&before, &after, 8)); /* what the kernel knows of */
    /* The other side of MOVSQ is an address where nothing is. */
    __asm__ volatile("leaq 1f(%%rip), %2\n1: movsq" : "+S"(from), "+D"(to), "=&r"(pc) : : "memory");
    CHECK(caught == 1 && stopped == 1 && from == HANDLE && to == 8);
    CHECK(seen_rsi == HANDLE && seen_pc == pc);
    CHECK(load(HANDLE) == 77 && ended == 2);
    __asm__ volatile("int3"); /* is the program's own affair */
    CHECK(caught == 2);
    mpk_gate_exit(&token);
}

static int end_of(void (*body)(void)) {
    int status;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        body();
        _exit(0);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

static void stray(void) {
    int token;
    mpk_gate_enter(&token, "stray");
    load(HANDLE + 1); /* the server declines */
}

static void by_host(void) {
    load(HANDLE); /* never offered: aborts */
}

static void plain_int3(void) {
    signal(SIGTRAP, SIG_DFL);
    __asm__ volatile("int3");
}

int main(int count, char **arguments) {
    struct sigaction action = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO};
    int serves = count == 2 && !strcmp(arguments[1], "serve");
    sigaction(SIGSEGV, &action, NULL);
    signal(SIGTRAP, on_trap);
    signal(SIGUSR1, on_usr1);
    host_domain();
    CHECK(mpk_faults_install() == 0);
    mpk_set_trap_server(server);
    CHECK(mpk_on_trap() == (serves ? MPK_ON_TRAP_SERVE : MPK_ON_TRAP_REFUSE) && mpk_profile_fd() == -1);
    if (serves) foreign_code();
    CHECK(end_of(stray) == SIGABRT && end_of(by_host) == SIGABRT && end_of(plain_int3) == SIGTRAP);
    printf("asked %d times, ended %d, stopped %d\n", asked, ended, stopped);
    return 0;
}
