/* One thread: groups, begins, nesting, eviction, misuse. argv[1]: which. */
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include "keys.h"

static void begins(void) {
    char *one = group_of(1, 2, RW), *two = group_of(0, 1, PROT_READ), *big = group_of(INT32_MAX, 1, RW);
    CHECK(rights_on(one) == 0 && rights_on(one + PAGE) == 0 && rights_on(two) == 0);
    CHECK(mpk_begin(1, PROT_READ) == 0 && rights_on(one) == 1 && rights_on(one + PAGE) == 1 && rights_on(big) == 0);
    CHECK(mpk_begin(1, RW) == 0 && rights_on(one) == 3);
    *opaque(one) = 'a';
    CHECK(mpk_begin(1, PROT_READ) == 0 && rights_on(one) == 1);
    CHECK(mpk_end(1) == 0 && rights_on(one) == 3);
    CHECK(mpk_begin(0, PROT_READ) == 0 && rights_on(two) == 1);
    CHECK(mpk_end(1) == 0 && rights_on(one) == 1 && rights_on(two) == 1); /* not the newest begin */
    CHECK(mpk_end(0) == 0 && rights_on(two) == 0 && *opaque(one) == 'a');
    CHECK(mpk_end(1) == 0 && rights_on(one) == 0);
    CHECK(mpk_begin(INT32_MAX, RW) == 0 && rights_on(big) == 3 && mpk_end(INT32_MAX) == 0);
    CHECK(mpk_munmap(1) == 0 && mpk_begin(1, PROT_READ) == MPK_EVKEY);
    one = group_of(1, 1, RW);
    CHECK(mpk_begin(1, RW) == 0 && *opaque(one) == 0 && mpk_end(1) == 0);
}

extern char started[] __asm__("_mpk_started"); /* the page that says that the runtime runs */

static void misuse(void) {
    CHECK(mpk_begin(1, PROT_READ) == MPK_EVKEY && mpk_end(1) == MPK_EVKEY && mpk_munmap(1) == MPK_EVKEY);
    CHECK(mpk_mprotect(1, PROT_READ) == MPK_EVKEY && mpk_free(1, NULL) == MPK_EVKEY && !mpk_malloc(1, 1));
    CHECK(*mpk_keys_error() == MPK_EVKEY);
    CHECK(mpk_init(2) == MPK_EINVALID && mpk_init(__builtin_nan("")) == MPK_EINVALID);
    CHECK(mpk_init(0.5) == 0 && mpk_init(-1) == 0);
    char *base = group_of(1, 1, PROT_READ);
    CHECK(mpk_mmap(1, NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    CHECK(*mpk_keys_error() == MPK_EVKEY);
    struct { int vkey; void *address; size_t length; int prot, flags, fd; } bad[] = {
        {-1, NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1},
        {2, NULL, 0, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1},
        {2, NULL, SIZE_MAX, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1},
        {2, NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1},
        {2, NULL, PAGE, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1},
        {2, NULL, PAGE, RW | 64, MAP_PRIVATE | MAP_ANONYMOUS, -1},
        {2, NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1},
        {2, NULL, PAGE, RW, MAP_PRIVATE, -1},
        {2, base, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1},
        {2, (void *)MPK_PUBLISHED_BASE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1},
        {2, (void *)MPK_HOST_BASE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1}, /* nobody made it yet */
        {2, started, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1},
        {2, (void *)1, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK(mpk_mmap(bad[i].vkey, bad[i].address, bad[i].length, bad[i].prot, bad[i].flags, bad[i].fd, 0) == MAP_FAILED);
        CHECK(*mpk_keys_error() == MPK_EINVALID);
    }
    CHECK(mpk_begin(1, RW) == MPK_EINVALID); /* more than mpk_mmap was given */
    CHECK(mpk_begin(1, PROT_NONE) == MPK_EINVALID && mpk_begin(1, PROT_WRITE) == MPK_EINVALID);
    CHECK(mpk_begin(1, PROT_EXEC) == MPK_EINVALID && mpk_begin(1, RW | PROT_EXEC) == MPK_EINVALID);
    CHECK(mpk_mprotect(1, RW) == MPK_EINVALID && mpk_mprotect(1, 64) == MPK_EINVALID);
    CHECK(mpk_end(1) == MPK_EINVALID && rights_on(base) == 0);
    CHECK(mpk_begin(1, PROT_READ) == 0 && mpk_munmap(1) == MPK_EPINNED && rights_on(base) == 1);
    for (int i = 1; i < MPK_BEGIN_DEPTH; i++) CHECK(mpk_begin(1, PROT_READ) == 0);
    CHECK(mpk_begin(1, PROT_READ) == MPK_ENESTED);
    for (int i = 0; i < MPK_BEGIN_DEPTH; i++) CHECK(rights_on(base) == 1 && mpk_end(1) == 0);
    CHECK(rights_on(base) == 0 && mpk_end(1) == MPK_EINVALID && mpk_munmap(1) == 0);
}

#define MANY 1100
static void many(void) {
    static char *base[MANY];
    for (int i = 0; i < MANY; i++) {
        base[i] = group_of(i * 7919, 1, RW);
        CHECK(mpk_begin(i * 7919, RW) == 0);
        memset((char *)base[i], i, PAGE);
        CHECK(mpk_end(i * 7919) == 0);
    }
    unsigned random = 1;
    for (int turn = 0; turn < 3 * MANY; turn++) {
        random = random * 1103515245 + 12345;
        int i = (int)(random >> 8) % MANY;
        CHECK(rights_on(base[i]) == 0 && mpk_begin(i * 7919, PROT_READ) == 0);
        CHECK(opaque(base[i])[5] == (char)i && mpk_end(i * 7919) == 0);
    }
    struct mpk_keys_stats now = stats();
    printf("%u groups, %u keys, %u resident, %u pinned\n", now.groups, now.keys, now.resident, now.pinned);
    CHECK(now.groups == MANY && now.pinned == 0 && now.misses >= MANY);
    CHECK(!is_pku() || (now.keys >= 10 && now.resident == now.keys && now.evictions >= MANY));
    for (int i = 0; i < MANY; i++) CHECK(mpk_munmap(i * 7919) == 0);
    CHECK(stats().groups == 0 && stats().resident == 0);
}

/* Names come and go: the index is rebuilt, and forgets nobody. */
static void churn(void) {
    for (int i = 0; i < 100; i++) group_of(i, 1, RW);
    for (int i = 1000; i < 41000; i++) {
        group_of(i, 1, RW);
        CHECK(mpk_munmap(i) == 0);
    }
    for (int i = 0; i < 100; i++) CHECK(mpk_begin(i, RW) == 0 && mpk_end(i) == 0);
    CHECK(stats().groups == 100);
}

/* pku: the group that was begun least recently gives its key up, never a begun one. */
static void lru(void) {
    for (int i = 0; i < 40; i++) group_of(i, 1, RW);
    int keys = 0;
    while (mpk_begin(keys, RW) == 0 && keys < 30) keys++;
    if (!is_pku()) {
        CHECK(keys == 30);
        return;
    }
    CHECK(keys >= 10 && keys <= 14 && mpk_begin(keys, RW) == MPK_EPINNED && stats().pinned == (uint32_t)keys);
    for (int i = 0; i < keys; i++) CHECK(mpk_end(i) == 0);
    CHECK(mpk_begin(30, RW) == 0 && mpk_end(30) == 0); /* 0 gives way */
    CHECK(mpk_begin(1, RW) == 0);                      /* 1 is the oldest, and is begun */
    uint64_t evictions = stats().evictions, misses = stats().misses;
    for (int i = 31; i < 40; i++) CHECK(mpk_begin(i, RW) == 0 && mpk_end(i) == 0);
    CHECK(stats().evictions == evictions + 9);
    CHECK(mpk_end(1) == 0);
    CHECK(mpk_begin(1, RW) == 0 && mpk_end(1) == 0 && mpk_begin(39, RW) == 0 && mpk_end(39) == 0);
    CHECK(stats().misses == misses + 9); /* both were hits */
    CHECK(mpk_begin(2, RW) == 0 && mpk_end(2) == 0 && stats().misses == misses + 10);
}

#define MILLION 1000000
static void million(void) {
    char *base = group_of(5, 1, RW);
    for (int i = 0; i < MILLION; i++) {
        CHECK(mpk_begin(5, i & 1 ? RW : PROT_READ) == 0);
        if (i & 1) base[i % PAGE]++;
        CHECK(mpk_end(5) == 0);
        if (!is_pku() && i == 20000) break; /* two system calls each */
    }
    CHECK(rights_on(base) == 0);
}

/* A hit makes no system call: after this prctl the kernel kills whoever makes one. */
static void quiet(void) {
    char *base = group_of(1, 100, RW);
    CHECK(mpk_begin(1, RW) == 0 && mpk_begin(1, PROT_READ) == 0 && mpk_end(1) == 0 && mpk_end(1) == 0);
    CHECK(mpk_mprotect(1, RW) == 0);
    memset(base, 1, 100 * PAGE);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)) _exit(3);
    for (int i = 0; i < 1000; i++) {
        if (mpk_begin(1, RW) || mpk_begin(1, PROT_READ) || mpk_end(1) || mpk_end(1)) syscall(SYS_exit, 4);
        if (mpk_mprotect(1, i & 1 ? RW : PROT_READ)) syscall(SYS_exit, 5);
        if (i & 1) opaque(base)[i * 50] = 2;
    }
    (void)!write(STDOUT_FILENO, "quiet\n", 6);
    syscall(SYS_exit, 0);
}

static void files(void) {
    char name[] = "/tmp/mpk-keys-XXXXXX";
    int fd = mkstemp(name), read_only = open(name, O_RDONLY);
    CHECK(fd >= 0 && read_only >= 0 && write(fd, "hello", 5) == 5 && ftruncate(fd, PAGE) == 0);
    CHECK(mpk_mmap(1, NULL, PAGE, RW, MAP_SHARED, read_only, 0) == MAP_FAILED && *mpk_keys_error() == MPK_EINVALID);
    char *base = mpk_mmap(1, NULL, 5, RW, MAP_SHARED, fd, 0);
    CHECK(base != MAP_FAILED && rights_on(base) == 0 && mpk_begin(1, RW) == 0);
    CHECK(!memcmp(base, "hello", 5));
    base[0] = 'H';
    CHECK(mpk_end(1) == 0 && mpk_munmap(1) == 0);
    char byte;
    CHECK(pread(fd, &byte, 1, 0) == 1 && byte == 'H' && unlink(name) == 0);
}

int main(int count, char **arguments) {
    CHECK(count == 2);
    const char *what = arguments[1];
    if (!strcmp(what, "misuse")) {
        misuse();
    } else {
        CHECK(mpk_init(-1) == 0);
        if (!strcmp(what, "begins")) begins();
        else if (!strcmp(what, "many")) many();
        else if (!strcmp(what, "churn")) churn();
        else if (!strcmp(what, "lru")) lru();
        else if (!strcmp(what, "million")) million();
        else if (!strcmp(what, "quiet")) quiet();
        else if (!strcmp(what, "files")) files();
        else return 2;
    }
    puts("ok");
    return 0;
}
