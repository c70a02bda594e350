/* A child works on the thread that forked: from host code, from foreign code, and
 * while another thread is inside a foreign call. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include "check.h"

static char *object;
static _Atomic int entered, stop;

static void *inside(void *unused) {
    int token;
    mpk_gate_enter(&token, "inside");
    atomic_store(&entered, 1);
    for (int i = 0; i < 200000 && !atomic_load(&stop); i++) sched_yield();
    mpk_gate_exit(&token);
    return unused;
}

static void child_works(int foreign) {
    int token;
    CHECK(mpk_gate_is_foreign() == foreign);
    if (foreign) return;
    (*opaque(object))++;
    mpk_gate_enter(&token, "in the child");
    CHECK(mpk_gate_is_foreign());
    mpk_gate_exit(&token);
    char *more = mpk_heap_alloc(host_domain(), 5000, 0);
    memset(more, 1, 5000);
    mpk_heap_free(host_domain(), more);
}

static void fork_once(int foreign, void *token) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (!child) {
        child_works(foreign);
        if (foreign) {
            mpk_gate_exit(token);
            child_works(0);
        }
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(mpk_gate_is_foreign() == foreign);
}

int main(void) {
    pthread_t thread;
    int token;
    object = mpk_heap_calloc(host_domain(), 10, 0);
    fork_once(0, NULL);
    mpk_gate_enter(&token, "forks");
    fork_once(1, &token);
    mpk_gate_exit(&token);
    CHECK(pthread_create(&thread, NULL, inside, NULL) == 0);
    while (!atomic_load(&entered)) sched_yield();
    fork_once(0, NULL); /* mprotect: waits for the call to end, then forks */
    atomic_store(&stop, 1);
    pthread_join(thread, NULL);
    CHECK(*object == 0);
    puts("ok");
    return 0;
}
