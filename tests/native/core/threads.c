/* Threads: older than the keys, many at once, waiting for each other (mprotect),
 * ended inside a foreign call, created by foreign code. argv[1]: which. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>
#include "check.h"

static char *object;
static _Atomic int go, done, entered;

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void spin_until(_Atomic int *flag, int value) {
    while (atomic_load(flag) < value) sched_yield();
}

static void *older(void *unused) {
    spin_until(&go, 1);
    int token;
    object[1]++;
    mpk_gate_enter(&token, "in an older thread");
    CHECK(mpk_gate_is_foreign());
    mpk_gate_exit(&token);
    object[1]++;
    return unused;
}

/* A thread older than the runtime, not only than the host domain. */
static void *older_than_start(void *unused) {
    mpk_domain *domain;
    spin_until(&go, 1);
    CHECK(mpk_domain_create(0, &domain) == 0);
    CHECK(mpk_domain_destroy(domain) == 0);
    return unused;
}

static void *hammer(void *unused) {
    for (int i = 0; i < 300; i++) {
        int token, callback_token;
        char *mine = mpk_heap_alloc(host_domain(), 100, 0);
        memset(mine, i, 100);
        mpk_gate_enter(&token, "hammer");
        mpk_callback_enter(&callback_token);
        for (int k = 0; k < 100; k++) CHECK(mine[k] == (char)i);
        mpk_callback_exit(&callback_token);
        int was = mpk_access_begin();
        mine[5] = 1;
        mpk_access_end(was);
        mpk_gate_exit(&token);
        mpk_heap_free(host_domain(), mine);
    }
    return unused;
}

#define FOREIGN_MS 200
static void *long_call(void *unused) {
    int token;
    mpk_gate_enter(&token, "long_call");
    atomic_fetch_add(&entered, 1);
    int64_t end = now_ms() + FOREIGN_MS;
    while (now_ms() < end) sched_yield();
    mpk_gate_exit(&token);
    return unused;
}

static void *ends_inside(void *unused) {
    int token;
    mpk_heap_free(host_domain(), mpk_heap_alloc(host_domain(), 100, 0));
    mpk_gate_enter(&token, "ends_inside");
    pthread_exit(unused);
}

static void *born_foreign(void *callback) {
    CHECK(mpk_gate_is_foreign());
    if (callback) {
        int token;
        mpk_callback_enter(&token);
        (*opaque(object))++;
        CHECK(!mpk_gate_is_foreign());
        mpk_callback_exit(&token);
        CHECK(mpk_gate_is_foreign() && !mpk_gate_host_frame((uintptr_t)&token));
        int was = mpk_access_begin();
        (*opaque(object))++;
        mpk_access_end(was);
    } else {
        (*opaque(object))++; /* nobody lent it that */
    }
    atomic_store(&done, 1);
    return NULL;
}

/* A signal handler of a thread that C created: closed keys are no excuse there. */
static void touch(int number) {
    (void)number;
    (*opaque(object))++;
}
static void *born_foreign_signal(void *unused) {
    raise(SIGUSR2);
    return unused;
}

static void start(pthread_t *thread, void *(*body)(void *), void *argument) {
    CHECK(pthread_create(thread, NULL, body, argument) == 0);
}

int main(int count, char **arguments) {
    CHECK(count == 2);
    const char *what = arguments[1];
    pthread_t threads[4];
    int token;
    if (!strcmp(what, "older")) start(&threads[0], older, NULL);
    if (!strcmp(what, "older-than-start")) {
        start(&threads[0], older_than_start, NULL);
        CHECK(mpk_start() == 0);
        atomic_store(&go, 1);
        pthread_join(threads[0], NULL);
    }
    object = mpk_heap_calloc(host_domain(), 10, 0);
    if (!strcmp(what, "older")) {
        atomic_store(&go, 1);
        pthread_join(threads[0], NULL);
        CHECK(object[1] == 2);
    }
    if (!strcmp(what, "hammer")) {
        for (int i = 0; i < 4; i++) start(&threads[i], hammer, NULL);
        for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
        CHECK(mpk_heap_check(host_domain()) == 0);
    }
    if (!strcmp(what, "wait-host")) {
        CHECK(mpk_faults_install() == 0);
        start(&threads[0], long_call, NULL);
        spin_until(&entered, 1);
        int64_t began = now_ms();
        (*opaque(object))++; /* mprotect: waits in the fault handler; pku: at once */
        int64_t waited = now_ms() - began;
        printf("waited %s\n", waited > FOREIGN_MS / 2 ? "for the call" : "not");
        CHECK((waited > FOREIGN_MS / 2) == !is_pku());
        pthread_join(threads[0], NULL);
    }
    if (!strcmp(what, "wait-foreign")) {
        int64_t began = now_ms();
        start(&threads[0], long_call, NULL);
        start(&threads[1], long_call, NULL);
        for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
        int64_t took = now_ms() - began;
        CHECK(is_pku() || took >= 2 * FOREIGN_MS); /* mprotect: one after the other */
    }
    if (!strcmp(what, "exit")) {
        for (int i = 0; i < 300; i++) { /* one FS base after the other, used again */
            start(&threads[0], ends_inside, NULL);
            pthread_join(threads[0], NULL);
        }
        CHECK(!mpk_gate_is_foreign());
        (*opaque(object))++;
        mpk_gate_enter(&token, "after");
        mpk_gate_exit(&token);
    }
    if (!strncmp(what, "born", 4)) {
        signal(SIGUSR2, touch);
        mpk_gate_enter(&token, "creator");
        start(&threads[0], !strcmp(what, "born-signal") ? born_foreign_signal : born_foreign,
              !strcmp(what, "born-callback") ? &token : NULL);
        pthread_join(threads[0], NULL);
        mpk_gate_exit(&token);
        CHECK(*object == 2 && done);
    }
    puts("ok");
    return 0;
}
