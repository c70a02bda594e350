/* D5: the host checks a request that lies in foreign memory, and then reads it again,
 * while a sibling thread changes it. No level of hardening sees that: it is a fault of
 * the host's. copied-in is the control: the host takes a copy first, checks and uses that.
 *
 * The host serves one byte of a table of its own, at an offset that it checks.
 *
 * Source: [Donky], CWE-367.
 */
#include <pthread.h>
#include <sched.h>
#include <time.h>
#include "attack.h"

#define TABLE_BYTES 1024 /* starts PAGE_BYTES / 2 behind the secret, in its page; no secret in it */
#define TABLE_AT (PAGE_BYTES / 2)
#define WORK_PAUSES 1000
#define SERVING_NS 200000000        /* of the control, which never ends by itself */
#define SERVING_MOST_NS 10000000000 /* of the other, which ends at the first success */
#define NS_PER_S 1000000000
#define WANTED (-TABLE_AT)
#define FLIP_PAUSES 16 /* both values must be seen from elsewhere */

struct request { volatile long offset; volatile unsigned long answer; };

static struct request request;
static volatile int stop;
static volatile int flipping;

static void *flip(void *unused) {
    flipping = 1;
    for (unsigned turn = 0; !stop; turn++) {
        request.offset = 0;
        for (unsigned wait = turn % FLIP_PAUSES; wait; wait--) __asm__ volatile("pause");
        request.offset = WANTED;
        __asm__ volatile("pause");
    }
    return unused;
}

static unsigned long table_word(long offset) {
    return *(volatile unsigned long *)(target.secret + TABLE_AT + offset);
}

static long passed_ns(const struct timespec *since) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - since->tv_sec) * NS_PER_S + now.tv_nsec - since->tv_nsec;
}

/* The host answers with a word, again and again, for a while. */
static void serve(int copy_in) {
    struct timespec begin;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    while (!flipping && passed_ns(&begin) < SERVING_NS) sched_yield();
    while (passed_ns(&begin) < (copy_in ? SERVING_NS : SERVING_MOST_NS)) {
        long offset = request.offset;
        if (offset < 0 || offset >= TABLE_BYTES) continue;
        for (int i = 0; i < WORK_PAUSES; i++) __asm__ volatile("pause"); /* what a host does between the two */
        request.answer = table_word(copy_in ? offset : request.offset);
        if (request.answer) break; /* the table is zero: this is not of the table */
    }
    stop = 1;
}

static void serve_in_place(void) { serve(0); }
static void serve_copy(void) { serve(1); }

static void begin(void) {
    pthread_t sibling;
    int error = pthread_create(&sibling, NULL, flip, NULL);
    if (error) attack_refused("pthread_create", error);
}

static void end(void) {
    unsigned long answer = request.answer;
    attack_hand_in(&answer, sizeof answer);
}

const struct attack attacks[] = {
    {.variant = "in-place", .attack = begin, .host = serve_in_place, .again = end},
    {.variant = "copied-in", .attack = begin, .host = serve_copy, .again = end, .flags = ATTACK_CONTROL},
    {0},
};
