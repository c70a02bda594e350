/* Rights per thread, pins of many threads, ends of threads and processes. argv[1]: which; argv[2]: turns of a hammer. */
#include <sys/syscall.h>
#include "keys.h"

#define GROUPS 100
static char *base[GROUPS];
static _Atomic int go, done, full;

static void map_groups(void) {
    for (int i = 0; i < GROUPS; i++) base[i] = group_of(i, 1, RW);
}

static void *other(void *unused) {
    spin_until(&go, 1);
    CHECK(rights_on(base[0]) == (is_pku() ? 0 : 3)); /* mprotect: rights are the process's */
    CHECK(mpk_begin(0, PROT_READ) == 0 && rights_on(base[0]) == (is_pku() ? 1 : 3));
    atomic_store(&done, 1);
    spin_until(&go, 2);
    CHECK(rights_on(base[0]) == 1 && mpk_end(0) == 0 && rights_on(base[0]) == 0);
    return unused;
}

static void each_its_own(void) {
    pthread_t thread;
    start(&thread, other, NULL);
    CHECK(mpk_begin(0, RW) == 0);
    atomic_store(&go, 1);
    spin_until(&done, 1);
    CHECK(rights_on(base[0]) == 3 && mpk_munmap(0) == MPK_EPINNED && mpk_end(0) == 0);
    CHECK(rights_on(base[0]) == (is_pku() ? 0 : 1) && mpk_munmap(0) == MPK_EPINNED);
    atomic_store(&go, 2);
    pthread_join(thread, NULL);
    CHECK(rights_on(base[0]) == 0 && mpk_munmap(0) == 0);
}

/* Begins and ends on a hundred groups from 64 threads: nobody ever finds another
 * group's bytes, and nobody dies.
 *
 * With `two` a thread begins a second group inside the first. Threads that hold a key
 * and wait for another one then wait for each other until time is up (keys are far
 * fewer than threads): EPINNED is expected, to both begins, and what is asked is that
 * each refusal came after the whole wait and changed nothing. A thread that holds
 * nothing while it waits never waits for a waiter: without `two` nobody is refused. */
#define HAMMERS 64
#define SHORT_WAIT_MS 50
#define LONG_WAIT_MS 60000 /* of the last of 64 threads, on a slow machine */
static int turns;
static bool two;
static _Atomic int refused_first, refused_second;

static bool begun_in_time(int vkey, int prot, _Atomic int *refused) {
    int64_t began = now_ms();
    int error = mpk_begin(vkey, prot);
    if (!error) return true;
    CHECK(error == MPK_EPINNED && is_pku() && two && now_ms() - began >= SHORT_WAIT_MS);
    atomic_fetch_add(refused, 1);
    return false;
}

static void *hammer(void *number) {
    unsigned random = (unsigned)(intptr_t)number * 2654435761u + 1;
    for (int i = 0; i < turns; i++) {
        random = random * 1103515245 + 12345;
        int one = (int)(random >> 8) % GROUPS, other = two ? (int)(random >> 16) % GROUPS : one;
        if (!begun_in_time(one, RW, &refused_first)) continue;
        volatile int *cell = (volatile int *)base[one];
        CHECK(cell[0] == one);
        __atomic_fetch_add((int *)base[one] + 1, 1, __ATOMIC_RELAXED);
        if (begun_in_time(other, PROT_READ, &refused_second))
            CHECK(*(volatile int *)base[other] == other && mpk_end(other) == 0);
        CHECK(cell[0] == one && mpk_end(one) == 0);
        atomic_fetch_add(&done, 1);
    }
    return NULL;
}

static void *hammer_rights(void *unused) { /* process-wide changes in between; the cells stay readable */
    for (int i = 0; i < turns; i++) {
        int error = mpk_mprotect(i % GROUPS, i & 1 ? PROT_READ : PROT_NONE);
        CHECK(error == 0 || error == MPK_EPINNED);
    }
    return unused;
}

static void hammers(bool with_rights) {
    pthread_t threads[HAMMERS];
    int hammering = 0;
    for (int i = 0; i < GROUPS; i++) {
        CHECK(mpk_begin(i, RW) == 0);
        *(volatile int *)base[i] = i;
        CHECK(mpk_end(i) == 0);
    }
    mpk_keys_wait(two ? SHORT_WAIT_MS : LONG_WAIT_MS);
    for (intptr_t i = 0; i < HAMMERS; i++) {
        bool rights = with_rights && i % 8 == 0;
        hammering += !rights;
        start(&threads[i], rights ? hammer_rights : hammer, (void *)i);
    }
    for (int i = 0; i < HAMMERS; i++) pthread_join(threads[i], NULL);
    int sum = 0;
    for (int i = 0; i < GROUPS; i++) {
        CHECK(mpk_begin(i, PROT_READ) == 0);
        sum += ((int *)base[i])[1];
        CHECK(mpk_end(i) == 0);
    }
    printf("%d of %d turns, second begins refused in %d\n", done, hammering * turns, refused_second);
    CHECK(done + refused_first == hammering * turns && sum == done && stats().pinned == 0);
    CHECK(two ? done > 0 : done == hammering * turns && !refused_second);
}

/* 64 threads want a group each and keep it: as many get it as there are keys, each
 * other one is refused at once; who comes after an end gets its key. */
static _Atomic int asked, granted;
static pthread_barrier_t started; /* a thread that starts blocks signals, and so refuses others */
static void *keeps(void *number) {
    int vkey = (int)(intptr_t)number;
    pthread_barrier_wait(&started);
    int error = mpk_begin(vkey, RW);
    CHECK(error == 0 || (is_pku() && error == MPK_EPINNED));
    atomic_fetch_add(&granted, !error);
    atomic_fetch_add(&asked, 1);
    while (!atomic_load(&full)) usleep(1000);
    CHECK(rights_on(base[vkey]) == (error ? 0 : 3));
    CHECK(mpk_end(vkey) == (error ? MPK_EINVALID : 0));
    return NULL;
}

static void crowd(void) {
    pthread_t threads[HAMMERS];
    pthread_barrier_init(&started, NULL, HAMMERS);
    for (intptr_t i = 0; i < HAMMERS; i++) start(&threads[i], keeps, (void *)i);
    while (atomic_load(&asked) < HAMMERS) usleep(1000);
    struct mpk_keys_stats now = stats();
    printf("%d of %d threads begun, %d keys\n", granted, HAMMERS, (int)now.keys);
    CHECK(granted == (is_pku() ? (int)now.keys : HAMMERS) && (int)now.pinned == granted);
    CHECK(!is_pku() || (granted >= 10 && granted < 16 && mpk_begin(99, RW) == MPK_EPINNED));
    atomic_store(&full, 1);
    for (int i = 0; i < HAMMERS; i++) pthread_join(threads[i], NULL);
    CHECK(stats().pinned == 0);
    for (int i = 0; i < HAMMERS; i++) CHECK(mpk_begin(i, RW) == 0 && rights_on(base[i]) == 3 && mpk_end(i) == 0);
}

static void *holds_a_while(void *unused) {
    CHECK(mpk_begin(50, RW) == 0);
    atomic_store(&go, 1);
    while (!atomic_load(&full)) sched_yield();
    for (int64_t began = now_ms(); now_ms() - began < 100;) usleep(1000); /* our signal may cut it short */
    CHECK(mpk_end(50) == 0);
    return unused;
}

/* All keys begun: an error at once, or as soon as one is free, or when time is up. */
static void waits(void) {
    pthread_t thread;
    start(&thread, holds_a_while, NULL);
    spin_until(&go, 1);
    int held = 0;
    while (held < 40 && mpk_begin(held, RW) == 0) held++;
    CHECK(is_pku() ? held < 14 : held == 40);
    atomic_store(&full, 1);
    if (is_pku()) {
        int64_t began = now_ms();
        CHECK(mpk_begin(60, RW) == MPK_EPINNED);
        mpk_keys_wait(20000);
        int error = mpk_begin(60, RW); /* the other thread ends in time */
        if (error) fprintf(stderr, "after %d ms: %s\n", (int)(now_ms() - began), mpk_strerror(error));
        CHECK(error == 0);
        printf("waited %d ms\n", (int)(now_ms() - began));
        CHECK(now_ms() - began < 10000);
        mpk_keys_wait(50);
        began = now_ms();
        CHECK(mpk_begin(61, RW) == MPK_EPINNED && now_ms() - began >= 50);
        CHECK(mpk_end(60) == 0);
    }
    while (held > 0) CHECK(mpk_end(--held) == 0);
    pthread_join(thread, NULL);
}

static void *leaves_open(void *number) {
    CHECK(mpk_begin((int)(intptr_t)number, RW) == 0 && mpk_begin(99, PROT_READ) == 0);
    return NULL;
}

/* Threads that end inside begins leave nothing begun. */
static void exits(void) {
    for (intptr_t i = 0; i < 60; i++) {
        pthread_t thread;
        start(&thread, leaves_open, (void *)i);
        pthread_join(thread, NULL);
        CHECK(rights_on(base[i]) == 0 && rights_on(base[99]) == 0);
    }
    CHECK(stats().pinned == 0 && mpk_munmap(99) == 0);
}

static void *begins_and_stays(void *unused) {
    CHECK(mpk_begin(3, RW) == 0);
    atomic_store(&go, 1);
    spin_until(&go, 2);
    CHECK(rights_on(base[3]) == 3 && mpk_end(3) == 0);
    return unused;
}

/* Both sides go on; what other threads had begun is not begun in the child. */
static void forks(void) {
    pthread_t thread;
    start(&thread, begins_and_stays, NULL);
    spin_until(&go, 1);
    CHECK(mpk_begin(1, RW) == 0 && mpk_mprotect(2, PROT_READ) == 0);
    *opaque(base[1]) = 'p';
    pid_t child = fork();
    CHECK(child >= 0);
    if (!child) {
        CHECK(rights_on(base[1]) == 3 && rights_on(base[2]) == 1 && rights_on(base[3]) == 0);
        *opaque(base[1]) = 'c';
        CHECK(mpk_munmap(3) == 0 && mpk_mprotect(2, RW) == 0 && rights_on(base[2]) == 3);
        CHECK(mpk_end(1) == 0 && rights_on(base[1]) == 0);
        for (int i = 4; i < 40; i++) CHECK(mpk_begin(i, RW) == 0 && mpk_end(i) == 0);
        pthread_t another;
        go = 1;
        done = 0;
        start(&another, leaves_open, (void *)5);
        pthread_join(another, NULL);
        CHECK(mpk_mprotect(2, PROT_NONE) == 0 && stats().pinned == 0);
        _exit(7);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7);
    CHECK(rights_on(base[1]) == 3 && *opaque(base[1]) == 'p' && rights_on(base[2]) == 1);
    for (int i = 4; i < 40; i++) CHECK(mpk_begin(i, RW) == 0 && mpk_end(i) == 0);
    atomic_store(&go, 2);
    pthread_join(thread, NULL);
    CHECK(mpk_end(1) == 0);
}

/* Another library that takes keys and gives them back all the time. */
static void *takes_keys(void *unused) {
    while (!atomic_load(&go)) {
        long one = syscall(SYS_pkey_alloc, 0, 3), two = syscall(SYS_pkey_alloc, 0, 0);
        sched_yield();
        if (one >= 0) syscall(SYS_pkey_free, one);
        if (two >= 0) syscall(SYS_pkey_free, two);
    }
    return unused;
}
static void contention(void) {
    pthread_t thread;
    start(&thread, takes_keys, NULL);
    for (int turn = 0; turn < 5; turn++)
        for (int i = 0; i < GROUPS; i++) {
            int error = mpk_begin(i, RW);
            CHECK(error == 0);
            *(volatile int *)base[i] = i;
            CHECK(rights_on(base[i]) == 3 && mpk_end(i) == 0 && rights_on(base[i]) == 0);
        }
    atomic_store(&go, 1);
    pthread_join(thread, NULL);
}

/* One thread begins and ends a group all the time, another tries to unmap it: between the
 * look at the pins and the answer the group has no key, and an end may come just then. */
static void *begins_and_ends(void *unused) {
    while (!atomic_load(&done)) {
        int error = mpk_begin(0, RW);
        CHECK(error == 0 || error == MPK_EVKEY);
        if (!error) CHECK(mpk_end(0) == 0);
    }
    return unused;
}
static void meet(void) {
    pthread_t thread;
    int pinned = 0, unmapped = 0;
    start(&thread, begins_and_ends, NULL);
    for (int64_t began = now_ms(); now_ms() - began < 3000;) {
        int error = mpk_munmap(0);
        CHECK(error == 0 || error == MPK_EPINNED);
        if (error) pinned++;
        else base[0] = group_of(0, 1, RW), unmapped++;
    }
    atomic_store(&done, 1);
    pthread_join(thread, NULL);
    printf("unmapped %d times, begun meanwhile %d times\n", unmapped, pinned);
    CHECK(unmapped > 0 && stats().pinned == 0 && mpk_munmap(0) == 0);
}

int main(int count, char **arguments) {
    CHECK(count >= 2 && mpk_init(-1) == 0);
    const char *what = arguments[1];
    map_groups();
    turns = count > 2 ? atoi(arguments[2]) : 0;
    two = !strcmp(what, "hammer-two") || !strcmp(what, "hammer-rights");
    if (!strcmp(what, "own")) each_its_own();
    else if (!strcmp(what, "hammer") || !strcmp(what, "hammer-two")) hammers(false);
    else if (!strcmp(what, "hammer-rights")) hammers(true);
    else if (!strcmp(what, "crowd")) crowd();
    else if (!strcmp(what, "wait")) waits();
    else if (!strcmp(what, "exit")) exits();
    else if (!strcmp(what, "fork")) forks();
    else if (!strcmp(what, "contention")) contention();
    else if (!strcmp(what, "meet")) meet();
    else return 2;
    puts("ok");
    return 0;
}
