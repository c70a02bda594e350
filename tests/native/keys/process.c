/* Process-wide rights: mpk_mprotect before the eyes of other threads. argv[1]: which.
 *
 * Watchers ask the kernel for their rights each time they are told to; some sit in
 * a system call, some spin, some block every signal in between.
 */
#include "keys.h"
#include <sys/prctl.h>
#include <sys/resource.h>

#define WATCHERS 8
static char *watched;
static _Atomic int turn, answers, rights_seen[WATCHERS];
static _Atomic int how; /* 1: watchers block signals */

static void *watch(void *number) {
    int me = (int)(intptr_t)number;
    sigset_t all;
    sigfillset(&all);
    if (atomic_load(&how) == 1) pthread_sigmask(SIG_BLOCK, &all, NULL);
    for (int seen = 0;;) {
        struct timespec nap = {0, 50000};
        while (atomic_load(&turn) == seen) {
            if (me % 2) nanosleep(&nap, NULL); /* in a system call */
        }
        seen = atomic_load(&turn);
        if (seen < 0) return NULL;
        atomic_store(&rights_seen[me], rights_on(watched));
        atomic_fetch_add(&answers, 1);
    }
}

static pthread_t watchers[WATCHERS];
static void start_watchers(void) {
    for (int i = 0; i < WATCHERS; i++) start(&watchers[i], watch, (void *)(intptr_t)i);
}
/* All threads but this one have exactly these rights. */
static void all_see(int rights) {
    atomic_store(&answers, 0);
    atomic_fetch_add(&turn, 1);
    spin_until(&answers, WATCHERS);
    for (int i = 0; i < WATCHERS; i++) {
        if (rights_seen[i] != rights) fprintf(stderr, "thread %d has %d, not %d\n", i, rights_seen[i], rights);
        CHECK(rights_seen[i] == rights);
    }
}
static void end_watchers(void) {
    atomic_store(&turn, -1);
    for (int i = 0; i < WATCHERS; i++) pthread_join(watchers[i], NULL);
}

static void to_and_fro(void) {
    for (int i = 0; i < 20; i++) {
        CHECK(mpk_mprotect(1, PROT_READ) == 0 && rights_on(watched) == 1);
        all_see(1);
        CHECK(mpk_mprotect(1, RW) == 0 && rights_on(watched) == 3);
        all_see(3);
        CHECK(mpk_mprotect(1, PROT_NONE) == 0 && rights_on(watched) == 0);
        all_see(0);
    }
}

/* pages: 1: by the page tables; 4096: by signals. */
static void everybody(size_t pages) {
    start_watchers(); /* older than the runtime */
    CHECK(mpk_init(-1) == 0);
    watched = group_of(1, pages, RW);
    to_and_fro();
    CHECK(mpk_begin(1, RW) == 0 && mpk_end(1) == 0); /* resident now */
    to_and_fro();
    struct mpk_keys_stats now = stats();
    printf("syncs %lu, fallbacks %lu\n", (unsigned long)now.syncs, (unsigned long)now.fallbacks);
    if (is_pku() && pages > 4000) CHECK(now.syncs >= 30);
    end_watchers();
}

/* One thread has begun the group: its rights stay, the others' change. */
static void begun(void) {
    CHECK(mpk_init(-1) == 0);
    start_watchers();
    watched = group_of(1, 1, RW);
    CHECK(mpk_begin(1, PROT_READ) == 0);
    all_see(is_pku() ? 0 : 1);
    for (int i = 0; i < 20; i++) {
        CHECK(mpk_mprotect(1, RW) == 0);
        CHECK(rights_on(watched) == (is_pku() ? 1 : 3));
        all_see(3);
        int error = mpk_mprotect(1, PROT_NONE);
        CHECK(error == 0);
        CHECK(rights_on(watched) == 1);
        all_see(is_pku() ? 0 : 1);
    }
    CHECK(mpk_mprotect(1, PROT_READ) == 0 && mpk_end(1) == 0 && rights_on(watched) == 1);
    all_see(1);
    /* The other way round: process-wide rights first. */
    CHECK(mpk_mprotect(1, RW) == 0 && mpk_begin(1, PROT_READ) == 0);
    CHECK(rights_on(watched) == (is_pku() ? 1 : 3));
    all_see(3);
    CHECK(mpk_end(1) == 0 && rights_on(watched) == 3 && mpk_mprotect(1, PROT_NONE) == 0);
    all_see(0);
    CHECK(!is_pku() || stats().syncs > 0);
    end_watchers();
}

/* Threads that block every signal: never harmed, never left with more. */
static void deaf(void) {
    atomic_store(&how, 1);
    start_watchers();
    CHECK(mpk_init(-1) == 0);
    watched = group_of(1, 4096, RW);
    usleep(20000); /* they block by now */
    for (int i = 0; i < 5; i++) {
        CHECK(mpk_begin(1, RW) == 0 && mpk_end(1) == 0);
        CHECK(mpk_mprotect(1, PROT_READ) == 0);
        CHECK(mpk_mprotect(1, PROT_NONE) == 0);
        all_see(0);
    }
    char *other = group_of(2, 1, RW); /* keys still change hands */
    for (int i = 3; i < 40; i++) group_of(i, 1, RW);
    for (int i = 2; i < 40; i++) CHECK(mpk_begin(i, RW) == 0 && mpk_end(i) == 0);
    CHECK(rights_on(other) == 0);
    CHECK(!is_pku() || stats().fallbacks > 0);
    end_watchers();
}

/* A thread that is made inside a begin has its maker's rights, but not on the
 * group that gets the key next. */
static char *secrets[40];
static _Atomic int go, checked;
static void *inherits(void *unused) {
    spin_until(&go, 1);
    for (int i = 1; i < 40; i++) CHECK(rights_on(secrets[i]) == 0);
    atomic_store(&checked, 1);
    spin_until(&go, 2);
    return unused;
}
static void inherit(void) {
    pthread_t child;
    CHECK(mpk_init(-1) == 0);
    for (int i = 0; i < 40; i++) secrets[i] = group_of(i, 1, RW);
    CHECK(mpk_begin(0, RW) == 0);
    start(&child, inherits, NULL);
    CHECK(mpk_end(0) == 0);
    if (!is_pku()) CHECK(rights_on(secrets[0]) == 0);
    for (int i = 1; i < 40; i++) CHECK(mpk_begin(i, RW) == 0 && mpk_end(i) == 0);
    int held = 30; /* and while keys are held */
    while (held < 36 && mpk_begin(held, RW) == 0) held++;
    if (!is_pku())
        while (held > 30) CHECK(mpk_end(--held) == 0);
    atomic_store(&go, 1);
    spin_until(&checked, 1);
    atomic_store(&go, 2);
    pthread_join(child, NULL);
}

/* Threads that are made on a busy processor start late, with every signal blocked till then
 * by the C library: they are waited for, and keys change hands meanwhile. */
static size_t processors[2]; /* of those that this process may use, the first and the last */
static void choose_processors(void) {
    cpu_set_t allowed;
    CHECK(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
    for (processors[0] = 0; !CPU_ISSET(processors[0], &allowed);) processors[0]++;
    for (processors[1] = CPU_SETSIZE - 1; !CPU_ISSET(processors[1], &allowed);) processors[1]--;
}
static void stay_on(int which) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processors[which], &one);
    CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
}
static void *spin(void *unused) {
    while (!atomic_load(&go)) __builtin_ia32_pause();
    return unused;
}
static void *nothing(void *unused) { return unused; }
static void *bear(void *unused) {
    pthread_t child;
    CHECK(setpriority(PRIO_PROCESS, (id_t)gettid(), 10) == 0); /* hers alone, and her children's */
    for (int i = 0; i < 10; i++) {
        start(&child, nothing, NULL);
        pthread_join(child, NULL);
    }
    atomic_store(&checked, 1);
    return unused;
}
static void newborn(void) {
    pthread_t mother, busy[8];
    choose_processors();
    CHECK(mpk_init(-1) == 0);
    for (int i = 0; i < 40; i++) group_of(i, 1, RW);
    stay_on(1); /* what those that are made inherit */
    for (int i = 0; i < 8; i++) start(&busy[i], spin, NULL);
    start(&mother, bear, NULL);
    stay_on(0);
    for (int i = 0; !atomic_load(&checked); i = (i + 1) % 40) {
        int error = mpk_begin(i, RW);
        if (error) fprintf(stderr, "mpk_begin(%d): %s\n", i, mpk_strerror(error));
        CHECK(error == 0 && mpk_end(i) == 0);
    }
    atomic_store(&go, 1);
    pthread_join(mother, NULL);
    for (int i = 0; i < 8; i++) pthread_join(busy[i], NULL);
}

static void exec_only(void) {
    static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3}; /* mov $42, %eax; ret */
    CHECK(mpk_init(-1) == 0);
    int keys_before = 0;
    for (int i = 1; i < 30; i++) {
        char *base = group_of(i, 1, RW | PROT_EXEC);
        CHECK(mpk_begin(i, RW) == 0);
        memcpy(base, code, sizeof code);
        CHECK(mpk_end(i) == 0 && mpk_mprotect(i, PROT_EXEC) == 0);
        CHECK(((int (*)(void))base)() == 42);
        CHECK(!is_pku() || rights_on(base) == 0); /* mprotect: only where the CPU has keys */
        CHECK(!can_write(base));
        if (i == 12) keys_before = (int)stats().keys;
    }
    CHECK((int)stats().keys == keys_before); /* all of them share one */
    CHECK(mpk_begin(7, PROT_READ) == 0);
    char *base = mpk_mmap(7, NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(base == MAP_FAILED && mpk_end(7) == 0);
    CHECK(mpk_mprotect(7, PROT_NONE) == 0 && mpk_mprotect(7, PROT_EXEC) == 0 && mpk_mprotect(7, PROT_READ) == 0);
}

/* evict_rate: how many misses of mpk_mprotect take a key. */
static void rate(void) {
    for (int eighths = 0; eighths <= 8; eighths += 4) {
        CHECK(mpk_init(eighths / 8.0) == 0);
        for (int i = 0; i < 8; i++) {
            group_of(i, 1, RW);
            CHECK(mpk_mprotect(i, PROT_READ) == 0);
        }
        CHECK(!is_pku() || stats().resident == (uint32_t)eighths);
        for (int i = 0; i < 8; i++) CHECK(mpk_munmap(i) == 0);
    }
}

int main(int count, char **arguments) {
    CHECK(count == 2);
    const char *what = arguments[1];
    if (!strcmp(what, "everybody-small")) everybody(1);
    else if (!strcmp(what, "everybody-large")) everybody(4096);
    else if (!strcmp(what, "begun")) begun();
    else if (!strcmp(what, "deaf")) deaf();
    else if (!strcmp(what, "inherit")) inherit();
    else if (!strcmp(what, "newborn")) newborn();
    else if (!strcmp(what, "exec")) exec_only();
    else if (!strcmp(what, "rate")) rate();
    else return 2;
    puts("ok");
    return 0;
}
