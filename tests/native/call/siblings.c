/* D4 of the attack catalogue: a second thread of foreign code overwrites a return address
 * of the host while the first one is in a foreign call. argv[1]: gate: behind a plain gate
 * (the host returns to where the attacker said: "hijacked"); call: inside mpk_call, where
 * the write is a boundary violation. Both threads are foreign while the attack runs.
 *
 * mprotect has one foreign thread at a time: there the call itself plays the sibling. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include "../core/check.h"
#include "mpk_call.h"

static _Atomic(uintptr_t *) target; /* where the host's return address lies */
static _Atomic int done;

static void hijacked(void) {
    static const char words[] = "hijacked\n";
    (void)!write(STDOUT_FILENO, words, sizeof words - 1);
    _exit(mpk_gate_is_foreign() ? 5 : 0); /* with the host's rights */
}

static void overwrite(void) {
    uintptr_t *where;
    while (!(where = atomic_load(&target))) sched_yield();
    *(volatile uintptr_t *)where = (uintptr_t)hijacked;
    atomic_store(&done, 1);
}

static void wait_for_sibling(void) {
    if (!is_pku()) overwrite();
    while (!atomic_load(&done)) sched_yield();
}

static void *sibling(void *unused) {
    int token;
    mpk_gate_enter(&token, "sibling");
    overwrite();
    mpk_gate_exit(&token);
    return unused;
}

/* Asking for the frame address makes compilers keep one; the return address lies above. */
static __attribute__((noinline)) void victim(int plain) {
    int token;
    struct mpk_call call = {.function = (uintptr_t)wait_for_sibling, .name = "wait_for_sibling"};
    struct mpk_call_result result;
    atomic_store(&target, (uintptr_t *)__builtin_frame_address(0) + 1);
    if (plain) {
        mpk_gate_enter(&token, "wait_for_sibling");
        wait_for_sibling();
        mpk_gate_exit(&token);
    } else {
        mpk_call(&call, &result);
    }
    (void)*opaque(&token);
}

static void on_host_stack(void *unused) {
    (void)unused;
    victim(0);
}

int main(int arguments, char **words) {
    pthread_t thread;
    CHECK(arguments == 2);
    host_domain();
    if (is_pku()) CHECK(pthread_create(&thread, NULL, sibling, NULL) == 0);
    if (!strcmp(words[1], "gate")) victim(1);
    else CHECK(mpk_host_stack(0, on_host_stack, NULL) == 0);
    puts("returned");
    return 3;
}
