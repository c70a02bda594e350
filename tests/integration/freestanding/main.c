/* A main that nobody rewrote, over a Rust library without std: one scenario a name. */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "ledger.h"

long panic_caught(long divisor) __attribute__((weak));

#define SECRET 4242
#define BYTES 8248 /* of a ledger */

/* What the library's own runtime, if it has one, asks of the program. */
static jmp_buf places[4];
static int waiting;
void host_say(const char *bytes, size_t count) {
    (void)!write(2, "said: ", 6);
    (void)!write(2, bytes, count);
}
_Noreturn void host_end(int code) { _exit(code); }
int host_jump_waits(void) { return waiting; }
_Noreturn void host_jump(void) { longjmp(places[--waiting], 1); }
int host_try(void (*body)(void *), void *argument) {
    if (setjmp(places[waiting++])) return 1;
    body(argument);
    waiting--;
    return 0;
}

static int ordinary(void) {
    long log[8] = {0};
    struct ledger *one = ledger_new(1), *two = ledger_new(2);
    for (long i = 1; i <= 1000; i++) ledger_add(one, (unsigned)i % 10, i);
    long small = ledger_add(two, 7, -5), twice = ledger_twice(two, 7);
    long count = ledger_log(two, log, 8);
    printf("%ld %ld %ld %ld: %ld %ld %ld\n", ledger_add(one, 3, 0), small, twice, count, log[0], log[1], log[2]);
    return ledger_free(one) || ledger_free(two);
}

static int handles(void) {
    struct ledger *ledger = ledger_new(SECRET);
    char *bytes = (char *)ledger;
    uintptr_t address = ledger_leak(ledger);
    long below[1], *frames = below - 64; /* where the library's frames will lie */
    printf("%ld %ld %ld %ld %ld\n", ledger_add((void *)(bytes + 8), 0, 1), ledger_add((void *)(bytes - 8), 0, 1),
           ledger_add((void *)address, 0, 1), ledger_add(NULL, 0, 1),
           ledger_add((void *)(UINT64_C(1) << 63 | 0x12345678), 0, 1));
    ledger_add(ledger, 0, 1);
    printf("%ld %ld %ld %ld %ld\n", ledger_log(ledger, (long *)address, 1), ledger_log(ledger, frames, 1),
           ledger_log(ledger, (long *)(bytes + BYTES), 1), ledger_log(ledger, (long *)((char *)below + 1), 1),
           ledger_log(ledger, NULL, 1));
    printf("%d\n", ledger_secret(ledger) == SECRET);
    long freed = ledger_free(ledger);
    printf("%ld %ld %ld\n", freed, ledger_add(ledger, 0, 1), ledger_free(ledger));
    return 0;
}

static int raw(int writes) {
    struct ledger *ledger = ledger_new(SECRET);
    volatile uint64_t *secret = (volatile uint64_t *)ledger_leak(ledger);
    if (writes) *secret = 1;
    else printf("%d\n", *secret == SECRET); /* where the policy lets it through */
    printf("%llu\n", (unsigned long long)ledger_secret(ledger));
    return 0;
}

static int through_the_handle(void) {
    volatile char *bytes = (volatile char *)ledger_new(SECRET);
    printf("%d\n", *bytes);
    return 0;
}

struct visit {
    struct ledger *ledger;
    volatile uint64_t *secret;
    long sum;
};
static void adds_again(void *context, unsigned account, long sum) {
    struct visit *visit = context;
    visit->sum += ledger_add(visit->ledger, account + 100, sum);
}
static void peeks(void *context, unsigned account, long sum) {
    struct visit *visit = context;
    visit->sum += (long)*visit->secret + account + sum;
}
static int callback(int touches) {
    struct visit visit = {.ledger = ledger_new(SECRET)};
    for (unsigned i = 0; i < 20; i++) ledger_add(visit.ledger, i % 5, i);
    visit.secret = (volatile uint64_t *)ledger_leak(visit.ledger);
    long first = ledger_each(visit.ledger, touches ? peeks : adds_again, &visit);
    long second = ledger_each(visit.ledger, adds_again, &visit); /* 190 again, twice; the copies once */
    printf("%ld %ld %ld\n", first, visit.sum, second);
    return 0;
}

static int panics(void) {
    struct ledger *ledger = ledger_new(SECRET);
    ledger_add(ledger, 0, INT64_MAX);
    printf("%ld\n", ledger_add(ledger, 0, 1));
    return 0;
}

static int panics_caught(void) {
    struct ledger *ledger = ledger_new(SECRET);
    for (int i = 0; i < 100; i++) { /* more often than gates nest */
        if (panic_caught(0) != 1009 || panic_caught(5) != 20) return 1;
        if (ledger_add(ledger, 0, 1) != i + 1) return 2;
    }
    volatile uint64_t *secret = (volatile uint64_t *)ledger_leak(ledger);
    puts("caught");
    fflush(stdout);
    return *secret == SECRET; /* closed again */
}

static void *in_a_thread(void *ledger) {
    return (void *)ledger_add(ledger, 1, 1);
}
static void *raw_in_a_thread(void *secret) {
    return (void *)(uintptr_t)*(volatile uint64_t *)secret;
}
static int thread(int touches) {
    struct ledger *ledger = ledger_new(SECRET);
    pthread_t id;
    void *result, *argument = touches ? (void *)ledger_leak(ledger) : ledger;
    if (pthread_create(&id, NULL, touches ? raw_in_a_thread : in_a_thread, argument)) return 1;
    if (touches) {
        sleep(2); /* in foreign code, and so waits, on mprotect, who touches the host's memory */
        puts("it waits");
        _exit(0);
    }
    if (pthread_join(id, &result)) return 2;
    printf("%ld\n", (long)result);
    return 0;
}

/* A constructor of the program's: closed already. */
__attribute__((constructor)) static void before_main(void) {
    if (getenv("TEST_EARLY")) raw(0);
}

#ifdef EARLY_THREAD
static void *sleeps(void *nothing) {
    sleep(60);
    return nothing;
}
__attribute__((constructor(90))) static void too_early(void) {
    pthread_t id;
    if (pthread_create(&id, NULL, sleeps, NULL)) _exit(1);
}
#endif

int main(int count, char **words) {
    const char *name = count > 1 ? words[1] : "ordinary";
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!strcmp(name, "ordinary")) return ordinary();
    if (!strcmp(name, "handles")) return handles();
    if (!strcmp(name, "raw-read")) return raw(0);
    if (!strcmp(name, "raw-write")) return raw(1);
    if (!strcmp(name, "through-the-handle")) return through_the_handle();
    if (!strcmp(name, "callback")) return callback(0);
    if (!strcmp(name, "raw-in-a-callback")) return callback(1);
    if (!strcmp(name, "panics")) return panics();
    if (!strcmp(name, "panics-caught")) return panics_caught();
    if (!strcmp(name, "thread")) return thread(0);
    if (!strcmp(name, "raw-in-a-thread")) return thread(1);
    return 3;
}
