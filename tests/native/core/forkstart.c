/* Forks while another thread starts the runtime, makes the host domain or the first other
 * one: the child can do the same. Each try in a process of its own, the fork a little
 * later each time; started: mpk_start came before. */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"

#define TRIES 40
#define STEP 400 /* turns of an empty loop between two tries: about a hundred nanoseconds each */
#define SECONDS 20

static void start(void) { CHECK(mpk_start() == 0); }
static void make_host(void) {
    int error;
    CHECK(mpk_host(&error));
}
static void make_domain(void) {
    mpk_domain *domain;
    CHECK(mpk_domain_create(0, &domain) == 0);
    CHECK(mpk_domain_destroy(domain) == 0);
}

static pthread_barrier_t both;
static void *on_thread(void *work) {
    pthread_barrier_wait(&both);
    (*(void (**)(void))work)();
    return NULL;
}

static void ends_well(pid_t child) {
    int status;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    if (status) fprintf(stderr, "a child ended with 0x%x\n", (unsigned)status);
    CHECK(status == 0);
}

static void once(void (*work)(void), bool started, int turns) {
    pthread_t thread;
    if (started) start();
    CHECK(pthread_barrier_init(&both, NULL, 2) == 0);
    CHECK(pthread_create(&thread, NULL, on_thread, &work) == 0);
    pthread_barrier_wait(&both);
    for (volatile int i = 0; i < turns; i++) continue;
    pid_t child = fork();
    if (!child) {
        alarm(SECONDS);
        work();
        _exit(0);
    }
    ends_well(child);
    pthread_join(thread, NULL);
    _exit(0);
}

int main(void) {
    void (*const works[])(void) = {start, make_host, make_domain};
    for (int try = 0; try < TRIES; try++) {
        for (int work = 0; work < 3; work++) {
            pid_t child = fork();
            if (!child) once(works[work], try % 2, try * STEP);
            ends_well(child);
        }
    }
    return 0;
}
