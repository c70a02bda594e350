/* D9: a control. A thread that foreign code makes has its maker's rights, not more.
 *
 * Source: [pkeys(7)], clone(2). On mprotect rights are the process's.
 */
#include <pthread.h>
#include <time.h>
#include "attack.h"

#define WAIT_NS 50000000
#define WAITS 20

static void *body(void *unused) {
    attack_read();
    target.enough = 1;
    return unused;
}

static void new_thread(void) {
    pthread_t thread;
    struct timespec wait = {0, WAIT_NS};
    int error = pthread_create(&thread, NULL, body, NULL);
    if (error) attack_refused("pthread_create", error);
    /* Not joined: on mprotect it may wait for this call to end. A busy machine may start it late. */
    else for (int waits = 0; waits < WAITS && !target.enough; waits++) nanosleep(&wait, NULL);
}

static void nothing(void) {}

const struct attack attacks[] = {
    {.variant = "inherits", .attack = new_thread, .again = nothing, .flags = ATTACK_CONTROL | ATTACK_HOST_WORKS | ATTACK_HOST_WAITS},
    {0},
};
