/* Virtual keys among the rest of the runtime: gates, domains, mpk_try, faults, the
 * groups' heaps, limits. argv[1]: which. */
#include <sys/resource.h>
#include "keys.h"

static char *begun, *waiting, *closed;

static void gates(void) {
    int token, callback;
    CHECK(mpk_begin(1, RW) == 0 && mpk_mprotect(2, RW) == 0);
    for (int round = 0; round < 2; round++) { /* 2: resident, then waiting under a shared key */
        CHECK(rights_on(begun) == 3 && rights_on(waiting) == 3 && rights_on(closed) == 0);
        mpk_gate_enter(&token, "gates");
        CHECK(rights_on(begun) == 0 && rights_on(waiting) == 0 && rights_on(closed) == 0);
        mpk_callback_enter(&callback);
        CHECK(rights_on(begun) == 3 && rights_on(waiting) == 3 && rights_on(closed) == 0);
        CHECK(mpk_begin(3, PROT_READ) == 0 && rights_on(closed) == 1 && mpk_end(3) == 0);
        CHECK(mpk_mprotect(2, round ? RW : PROT_READ) == 0);
        mpk_callback_exit(&callback);
        mpk_gate_exit(&token);
        CHECK(rights_on(begun) == 3 && rights_on(waiting) == (round ? 3 : 1));
        for (int i = 10; i < 40; i++) CHECK(mpk_begin(i, RW) == 0 && mpk_end(i) == 0);
        CHECK(mpk_mprotect(2, RW) == 0);
    }
    /* A begin that a callback ends is not open after the gate. */
    mpk_gate_enter(&token, "gates");
    mpk_callback_enter(&callback);
    CHECK(mpk_end(1) == 0);
    mpk_callback_exit(&callback);
    mpk_gate_exit(&token);
    CHECK(rights_on(begun) == 0);
}

static _Atomic int amid, enough;

static void *accesses(void *host_byte) {
    int token;
    mpk_gate_enter(&token, "accesses");
    CHECK(rights_on(host_byte) == 0);
    int was_foreign = mpk_access_begin();
    atomic_store(&amid, 1);
    while (!atomic_load(&enough)) CHECK(rights_on(host_byte) == 3 && rights_on(closed) == 0);
    mpk_access_end(was_foreign);
    CHECK(rights_on(host_byte) == 0 && rights_on(closed) == 0);
    mpk_gate_exit(&token);
    CHECK(rights_on(host_byte) == 3 && rights_on(closed) == 0);
    return NULL;
}

/* Signals about keys that come amid an accessor of foreign code: it goes on with what it had. */
static void accessor(void) {
    pthread_t thread;
    start(&thread, accesses, mpk_host_alloc(1, 0));
    spin_until(&amid, 1);
    uint64_t before = stats().syncs;
    CHECK(mpk_begin(1, RW) == 0); /* begun: each change is told by signals */
    for (int turn = 0; turn < 50; turn++) CHECK(mpk_mprotect(1, turn % 2 ? PROT_NONE : RW) == 0);
    CHECK(mpk_end(1) == 0 && (!is_pku() || stats().syncs >= before + 50));
    atomic_store(&enough, 1);
    CHECK(pthread_join(thread, NULL) == 0);
}

/* A domain that is created when groups hold all keys. */
static void domains(void) {
    mpk_domain *made[20];
    int count = 0;
    for (int i = 10; i < 40; i++) CHECK(mpk_begin(i, RW) == 0 && mpk_end(i) == 0);
    if (is_pku()) CHECK(mpk_keys_free() == 0);
    CHECK(mpk_begin(1, RW) == 0);
    while (count < 20 && mpk_domain_create(0, &made[count]) == 0) count++;
    printf("%d domains\n", count);
    CHECK(count >= 10 && rights_on(begun) == 3);
    CHECK(mpk_end(1) == 0);
    CHECK(!is_pku() || mpk_begin(1, RW) == 0);
    for (int i = 0; i < count; i++) CHECK(mpk_domain_destroy(made[i]) == 0);
    for (int i = 10; i < 40; i++) CHECK(mpk_begin(i, RW) == 0 && mpk_end(i) == 0);
}

static void forge(void *unused) {
    (void)unused;
    CHECK(mpk_begin(1, RW) == 0 && mpk_begin(3, RW) == 0);
    struct mpk_violation violation = {.kind = MPK_FORGED, .key = -1};
    mpk_violate(&violation);
}
static void tries(void) {
    mpk_set_policy(MPK_ON_VIOLATION_UNWIND);
    CHECK(mpk_begin(1, PROT_READ) == 0);
    CHECK(mpk_try(forge, NULL) == 1);
    CHECK(rights_on(begun) == 1 && rights_on(closed) == 0 && stats().pinned == 1 && mpk_end(1) == 0);
}

static void heap(void) {
    enum { BLOCKS = 200 };
    unsigned char *block[BLOCKS] = {0};
    size_t bytes[BLOCKS];
    unsigned random = 1;
    char *base = group_of(100, 64, RW);
    CHECK(mpk_malloc(100, 1) == NULL && *mpk_keys_error() == MPK_EINVALID); /* not begun */
    CHECK(mpk_begin(100, PROT_READ) == 0 && mpk_malloc(100, 1) == NULL && mpk_end(100) == 0);
    CHECK(mpk_begin(100, RW) == 0);
    for (int turn = 0; turn < 20000; turn++) {
        random = random * 1103515245 + 12345;
        int i = (int)(random >> 8) % BLOCKS;
        if (block[i]) {
            for (size_t k = 0; k < bytes[i]; k++) CHECK(block[i][k] == (unsigned char)i);
            CHECK((bytes[i] <= 16 || mpk_free(100, block[i] + 16) == MPK_EINVALID) && mpk_free(100, block[i] + 1) == MPK_EINVALID);
            CHECK(mpk_free(100, block[i]) == 0 && mpk_free(100, block[i]) == MPK_EINVALID);
            block[i] = NULL;
        } else {
            bytes[i] = random >> 16 & (turn % 8 ? 255 : 8191);
            block[i] = mpk_malloc(100, bytes[i]);
            if (!block[i]) {
                CHECK(*mpk_keys_error() == MPK_ENOMEM);
                continue;
            }
            CHECK((uintptr_t)block[i] % 16 == 0 && (char *)block[i] >= base && (char *)block[i] + bytes[i] <= base + 64 * PAGE);
            memset(block[i], i, bytes[i]);
        }
    }
    for (int i = 0; i < BLOCKS; i++)
        if (block[i]) CHECK(mpk_free(100, block[i]) == 0);
    void *whole = mpk_malloc(100, 63 * PAGE); /* all of it coalesced; the bits take a page */
    CHECK(whole && !mpk_malloc(100, 1) && mpk_free(100, whole) == 0 && mpk_free(100, NULL) == 0);
    CHECK(mpk_malloc(100, SIZE_MAX) == NULL && mpk_free(100, base) == MPK_EINVALID);
    CHECK(mpk_free(100, base - 16) == MPK_EINVALID && mpk_free(100, base + 64 * PAGE) == MPK_EINVALID);
    CHECK(mpk_end(100) == 0 && rights_on(base) == 0 && mpk_free(100, whole) == MPK_EINVALID);
    CHECK(mpk_mprotect(100, RW) == 0); /* open to all: no begin is needed */
    whole = mpk_malloc(100, 100);
    CHECK(whole && rights_on(base) == 3 && mpk_free(100, whole) == 0);
    group_of(101, 1, RW); /* the smallest */
    CHECK(mpk_begin(101, RW) == 0 && mpk_malloc(101, 4000) && mpk_end(101) == 0);
}

static void limits(void) {
    for (int i = (int)stats().groups; i < MPK_GROUPS; i++)
        CHECK(mpk_mmap(1000 + i, NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
    CHECK(mpk_mmap(100000, NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    CHECK(*mpk_keys_error() == MPK_ENOMEM && stats().groups == MPK_GROUPS);
    CHECK(mpk_begin(1000 + MPK_GROUPS - 1, RW) == 0 && mpk_end(1000 + MPK_GROUPS - 1) == 0);
    CHECK(mpk_munmap(1000 + MPK_GROUPS - 1) == 0);
    struct rlimit now;
    CHECK(getrlimit(RLIMIT_AS, &now) == 0);
    CHECK(setrlimit(RLIMIT_AS, &(struct rlimit){(rlim_t)4 << 30, now.rlim_max}) == 0);
    CHECK(mpk_mmap(100000, NULL, (size_t)8 << 30, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    CHECK(*mpk_keys_error() == MPK_ENOMEM && stats().groups == MPK_GROUPS - 1);
    CHECK(mpk_begin(1, RW) == 0 && rights_on(begun) == 3 && mpk_end(1) == 0);
}

static void on_segv(int number, siginfo_t *info, void *context) {
    (void)context;
    printf("signal %d at the group %d\n", number, (char *)info->si_addr == closed);
    fflush(stdout);
    _exit(9);
}

/* In a signal handler the kernel closes every key; what the thread may do it may do there. */
static _Atomic int handled;
static void on_usr1(int number) {
    (void)number;
    (*opaque(begun))++;
    (*opaque(waiting))++;
    CHECK(mpk_begin(1, PROT_READ) == 0 && *opaque(begun) == 1 && mpk_end(1) == 0);
    handled = 1;
}
static void signals(void) {
    signal(SIGUSR1, on_usr1);
    CHECK(mpk_begin(1, RW) == 0 && mpk_mprotect(2, RW) == 0);
    raise(SIGUSR1);
    CHECK(handled && rights_on(begun) == 3 && *opaque(begun) == 1 && mpk_end(1) == 0);
}

int main(int count, char **arguments) {
    CHECK(count == 2);
    const char *what = arguments[1];
    if (!strcmp(what, "touch-handler")) {
        struct sigaction action = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO};
        sigaction(SIGSEGV, &action, NULL);
    }
    CHECK(mpk_init(-1) == 0);
    begun = group_of(1, 1, RW);
    waiting = group_of(2, 1, RW);
    closed = group_of(3, 1, RW);
    for (int i = 10; i < 40; i++) group_of(i, 1, RW);
    int token;
    if (!strcmp(what, "gates")) gates();
    else if (!strcmp(what, "accessor")) accessor();
    else if (!strcmp(what, "domains")) domains();
    else if (!strcmp(what, "try")) tries();
    else if (!strcmp(what, "heap")) heap();
    else if (!strcmp(what, "limits")) limits();
    else if (!strcmp(what, "signals")) signals();
    else if (!strncmp(what, "touch", 5)) {
        CHECK(mpk_begin(3, RW) == 0 && mpk_end(3) == 0); /* resident, closed */
        printf("read %d\n", *opaque(closed));
    } else if (!strcmp(what, "write-reader")) {
        CHECK(mpk_begin(3, PROT_READ) == 0 && *opaque(closed) == 0);
        (*opaque(closed))++;
    } else if (!strcmp(what, "foreign")) {
        CHECK(mpk_begin(1, RW) == 0);
        mpk_gate_enter(&token, "foreign_function");
        count += *opaque(begun);
    } else if (!strcmp(what, "foreign-begin")) {
        mpk_gate_enter(&token, "foreign_function");
        mpk_begin(1, RW);
    } else return 2;
    puts("ok");
    return 0;
}
