/* hardened.c - each part of hardening does what it says, in a domain that has that
 * part alone, and in one that has all. usage: hardened [protection]
 * With "protection" the kernel knows no MADV_GUARD_INSTALL, like those before 6.13. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"

#define BLOCKS 400
#define GUARD_INSTALL 102

static mpk_domain *domain;
static enum mpk_rights previous;

static void begin(uint32_t parts) {
    CHECK(mpk_domain_create(256u << 20, &domain) == 0);
    CHECK(mpk_heap_harden(domain, parts) == 0);
    CHECK(mpk_domain_open(domain, MPK_READ_WRITE, &previous) == 0);
    CHECK(mpk_heap_parts(domain) == parts);
}

static void end(void) {
    CHECK_HEAP(domain);
    CHECK(mpk_domain_close(domain, previous) == 0);
    CHECK(mpk_domain_destroy(domain) == 0);
}

static void words_and_times(void) {
    uint32_t parts = 77;
    CHECK(mpk_heap_parse("", &parts) == MPK_EINVALID && mpk_heap_parse("zeros", &parts) == MPK_EINVALID);
    CHECK(mpk_heap_parse("zero,", &parts) == MPK_EINVALID && mpk_heap_parse("zer", &parts) == MPK_EINVALID);
    CHECK(parts == 77);
    CHECK(mpk_heap_parse("default", &parts) == 0 && parts == MPK_HEAP_DEFAULT);
    CHECK(mpk_heap_parse("hardened", &parts) == 0 && parts == MPK_HEAP_HARDENED);
    CHECK(mpk_heap_parse("zero,guards", &parts) == 0 && parts == (MPK_HEAP_ZERO | MPK_HEAP_GUARDS));
    begin(MPK_HEAP_DEFAULT);
    CHECK(mpk_heap_harden(domain, MPK_HEAP_RANDOM) == 0 && mpk_heap_harden(domain, 0) == 0);
    CHECK(mpk_heap_harden(domain, MPK_HEAP_HARDENED + 1) == MPK_EINVALID);
    mpk_heap_free(domain, mpk_heap_alloc(domain, 1, 8));
    CHECK(mpk_heap_harden(domain, MPK_HEAP_RANDOM) == MPK_EINVALID && mpk_heap_parts(domain) == 0);
    end();
}

/* How many of the blocks lie right behind the one before. */
static int neighbours(uint32_t parts, uintptr_t *sum) {
    char *before = NULL;
    int count = 0;
    begin(parts);
    *sum = 0;
    for (int i = 0; i < BLOCKS; i++) {
        char *block = mpk_heap_alloc(domain, 40, 8);
        CHECK(block);
        count += block - before == 48;
        *sum = *sum * 31 + (uintptr_t)block % SMALL_BYTES;
        before = block;
    }
    end();
    return count;
}

static void order_is_random(uint32_t parts) {
    uintptr_t plain, one, two;
    CHECK(neighbours(MPK_HEAP_DEFAULT, &plain) > BLOCKS * 9 / 10);
    CHECK(neighbours(parts, &one) < BLOCKS / 20 && neighbours(parts, &two) < BLOCKS / 20);
    CHECK(one != two); /* and another one in each heap */
}

static char *touched;
static void touch(void *unused) {
    (void)unused;
    *(volatile char *)touched = 1;
}

static void is_guarded(char *address, const char *allocation, size_t bytes) {
    struct mpk_violation v;
    touched = address;
    CHECK(mpk_try(touch, NULL) == 1 && mpk_last_violation(&v));
    CHECK(v.kind == MPK_SPATIAL && v.access == MPK_ACCESS_WRITE && v.address == (uintptr_t)address);
    CHECK(v.allocation == (uintptr_t)allocation && v.allocation_bytes == bytes);
    CHECK(!v.function && v.key == (mpk_backend() == MPK_BACKEND_PKU ? mpk_domain_key(domain) : -1));
}

static void huge_ones_have_guards(uint32_t parts) {
    begin(parts);
    char *blocks[20];
    struct mpk_heap_stats stats;
    for (int i = 0; i < 20; i++) {
        size_t bytes = MPK_HEAP_HUGE_BYTES + (size_t)i * 5000, align = i % 4 ? 16 : 1u << 16;
        CHECK((blocks[i] = mpk_heap_alloc(domain, bytes, align)) && (uintptr_t)blocks[i] % align == 0);
        memset(blocks[i], 7, bytes);
    }
    /* Opening and closing must leave guards alone. */
    enum mpk_rights now;
    CHECK(mpk_domain_open(domain, MPK_NONE, &now) == 0 && mpk_domain_close(domain, now) == 0);
    for (int i = 0; i < 20; i++) {
        size_t bytes = MPK_HEAP_HUGE_BYTES + (size_t)i * 5000;
        is_guarded(blocks[i] - 1, blocks[i], bytes);
        is_guarded(blocks[i] - MPK_PAGE_BYTES, blocks[i], bytes);
        is_guarded(blocks[i] + large_pages(bytes) * MPK_PAGE_BYTES, blocks[i], bytes);
        CHECK(blocks[i][0] == 7 && blocks[i][bytes - 1] == 7);
    }
    mpk_heap_statistics(domain, &stats);
    CHECK(stats.guard_bytes == (20 + 15 + 5 * 16) * (size_t)MPK_PAGE_BYTES);
    blocks[0] = mpk_heap_realloc(domain, blocks[0], 1u << 20, 16);
    CHECK(blocks[0] && blocks[0][0] == 7);
    is_guarded(blocks[0] - 1, blocks[0], 1u << 20);
    char *grown = mpk_heap_alloc(domain, MPK_HEAP_HUGE_BYTES - MPK_PAGE_BYTES, 16);
    CHECK(grown && (grown = mpk_heap_realloc(domain, grown, MPK_HEAP_HUGE_BYTES, 16)));
    is_guarded(grown - 1, grown, MPK_HEAP_HUGE_BYTES);
    mpk_heap_free(domain, grown);
    CHECK(mpk_heap_share(domain, (uintptr_t)blocks[1]) == 0);
    CHECK_HEAP(domain);
    for (int i = 0; i < 20; i++)
        mpk_heap_free(domain, blocks[i]);
    mpk_heap_statistics(domain, &stats);
    CHECK(stats.guard_bytes == 0 && stats.retired_bytes == 0);
    /* What were guards is memory again. */
    char *all = mpk_heap_alloc(domain, 8u << 20, 16);
    memset(all, 1, 8u << 20);
    mpk_heap_free(domain, all);
    end();
}

static void reuse_is_late(uint32_t parts, size_t bytes) {
    int at_once = 0;
    for (int round = 0; round < 2; round++) {
        begin(round ? parts : MPK_HEAP_DEFAULT);
        at_once = 0;
        for (int i = 0; i < 100; i++) {
            void *block = mpk_heap_alloc(domain, bytes, 8);
            mpk_heap_free(domain, block);
            void *next = mpk_heap_alloc(domain, bytes, 8);
            at_once += next == block;
            mpk_heap_free(domain, next);
        }
        CHECK(at_once == (round ? 0 : 100));
        end();
    }
}

static void freed_memory_is_zero(uint32_t parts, size_t bytes) {
    begin(parts);
    unsigned char *block = mpk_heap_alloc(domain, bytes, 8);
    memset(block, 0x5a, bytes);
    mpk_heap_free(domain, block);
    for (size_t i = parts & MPK_HEAP_QUARANTINE ? 0 : sizeof(void *); i < bytes; i++)
        CHECK(block[i] == 0); /* a stale read, on purpose; a list may run through the first word */
    end();
}

static size_t churn_bytes;
static void churn(void *unused) {
    (void)unused;
    for (int i = 0; i < 20000; i++)
        mpk_heap_free(domain, mpk_heap_alloc(domain, churn_bytes, 8));
}

static void a_late_write_is_found(size_t bytes) {
    struct mpk_violation v;
    begin(MPK_HEAP_QUARANTINE | MPK_HEAP_ZERO);
    char *block = mpk_heap_alloc(domain, bytes, 8);
    mpk_heap_free(domain, block);
    block[bytes / 2] = 1;
    churn_bytes = bytes;
    CHECK(mpk_try(churn, NULL) == 1 && mpk_last_violation(&v));
    CHECK(v.kind == MPK_TEMPORAL && v.access == MPK_ACCESS_WRITE && v.address == (uintptr_t)block + bytes / 2);
    CHECK_HEAP(domain);
    CHECK(mpk_try(churn, NULL) == 0); /* told once */
    end();
}

static void forget_guard_install(void) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, GUARD_INSTALL, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 22),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

static _Atomic int stop;

static void *makes_and_frees(void *unused) {
    enum mpk_rights before;
    CHECK(mpk_domain_open(domain, MPK_READ_WRITE, &before) == 0);
    while (!atomic_load(&stop)) {
        void *huge = mpk_heap_alloc(domain, 200000, 0);
        CHECK(huge);
        mpk_heap_free(domain, huge);
    }
    return unused;
}

/* A fork between the two halves of a guard's making: the child is not given its pages. */
static void forks_find_no_guard_in_the_way(uint32_t parts) {
    pthread_t threads[3];
    begin(parts);
    atomic_store(&stop, 0);
    for (int i = 0; i < 3; i++) CHECK(pthread_create(&threads[i], NULL, makes_and_frees, NULL) == 0);
    for (int round = 0; round < 40; round++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (!child) {
            for (int i = 0; i < 60; i++) {
                char *huge = mpk_heap_alloc(domain, 100000, 0);
                CHECK(huge);
                memset(huge, 1, 100000);
            }
            CHECK_HEAP(domain);
            _exit(0);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child && status == 0);
    }
    atomic_store(&stop, 1);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    end();
}

int main(int argc, char **argv) {
    if (argc == 2 && !strcmp(argv[1], "protection"))
        forget_guard_install();
    CHECK(mpk_start() == 0 && mpk_faults_install() == 0);
    mpk_set_policy(MPK_ON_VIOLATION_UNWIND);
    words_and_times();
    order_is_random(MPK_HEAP_RANDOM);
    order_is_random(MPK_HEAP_HARDENED);
    huge_ones_have_guards(MPK_HEAP_GUARDS);
    huge_ones_have_guards(MPK_HEAP_HARDENED);
    forks_find_no_guard_in_the_way(MPK_HEAP_GUARDS);
    forks_find_no_guard_in_the_way(MPK_HEAP_HARDENED);
    reuse_is_late(MPK_HEAP_QUARANTINE, 40);
    reuse_is_late(MPK_HEAP_HARDENED, 40);
    reuse_is_late(MPK_HEAP_QUARANTINE, 20000);
    for (size_t bytes = 16; bytes < 3u << 20; bytes *= 5) {
        freed_memory_is_zero(MPK_HEAP_ZERO, bytes);
        freed_memory_is_zero(MPK_HEAP_HARDENED, bytes);
    }
    a_late_write_is_found(100);
    a_late_write_is_found(30000);
    puts("ok");
    return 0;
}
