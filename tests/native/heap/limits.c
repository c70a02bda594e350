/* limits.c - a domain's limit holds, is told from other lacks of memory, leaves
 * other domains alone, and can always be recovered from. */
#include <pthread.h>
#include <sys/resource.h>
#include "check.h"

#define MIB ((size_t)1 << 20)

static mpk_domain *domain;

static size_t used(void) {
    struct mpk_heap_stats stats;
    mpk_heap_statistics(domain, &stats);
    CHECK(stats.used_bytes >= stats.live_bytes + stats.metadata_bytes);
    return stats.used_bytes;
}

/* Blocks until there are no more, linked; how many. */
static size_t fill(size_t bytes, void ***list) {
    size_t count = 0;
    for (void **block; (block = mpk_heap_alloc(domain, bytes, 8)); count++) {
        *block = *list;
        *list = block;
    }
    return count;
}

static void drain(void ***list) {
    while (*list) {
        void **next = **list;
        mpk_heap_free(domain, *list);
        *list = next;
    }
}

static void holds(size_t bytes, size_t limit) {
    void **list = NULL;
    CHECK(mpk_domain_limit(domain, limit) == 0);
    for (int round = 0; round < 3; round++) {
        size_t count = fill(bytes, &list);
        CHECK(used() <= limit);
        CHECK(count * bytes > limit / 2); /* most of it is for allocations */
        CHECK(mpk_heap_refusal(domain, bytes, 8) == MPK_ELIMIT);
        CHECK(mpk_heap_refusal(domain, 2 * limit, 8) == MPK_ELIMIT);
        CHECK(mpk_heap_refusal(domain, SIZE_MAX, 8) == MPK_ENOMEM);
        CHECK(mpk_heap_refusal(domain, bytes, 24) == MPK_EINVALID);
        CHECK(!mpk_heap_realloc(domain, list, limit, 8) && !mpk_heap_calloc(domain, limit, 8));
        CHECK_HEAP(domain);
        drain(&list);
        CHECK(mpk_heap_refusal(domain, bytes, 8) == MPK_OK);
    }
    /* What short blocks keep is given up for another size. */
    size_t large = fill(100000, &list);
    CHECK(large * 100000 > limit / 2);
    drain(&list);
    CHECK_HEAP(domain);
}

static void below_what_is_used(void) {
    CHECK(mpk_domain_limit(domain, 0) == 0);
    char *kept = mpk_heap_alloc(domain, 8 * MIB, 8), *other = mpk_heap_alloc(domain, MIB, 8);
    CHECK(kept && other);
    CHECK(mpk_domain_limit(domain, 4 * MIB) == 0);
    kept[0] = 1; /* nothing was taken away */
    CHECK(!mpk_heap_alloc(domain, 5 * MIB, 8)); /* longer than the runs that caches keep */
    CHECK(mpk_heap_refusal(domain, 5 * MIB, 8) == MPK_ELIMIT);
    CHECK(!mpk_heap_realloc(domain, kept, 8 * MIB + 10000, 8));
    CHECK(mpk_heap_realloc(domain, other, MIB / 2, 8) == other || mpk_heap_parts(domain));
    mpk_heap_free(domain, kept);
    kept = mpk_heap_alloc(domain, 300000, 8);
    CHECK(kept);
    CHECK(mpk_domain_limit(domain, 0) == 0);
}

static void *hoard(void *unused) {
    (void)unused;
    void **list = NULL;
    for (int i = 0; i < 20; i++) {
        fill(500, &list);
        drain(&list);
    }
    return NULL;
}

static void all_threads_together(void) {
    pthread_t threads[4];
    CHECK(mpk_domain_limit(domain, 16 * MIB) == 0);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, hoard, NULL) == 0);
    for (int i = 0; i < 50; i++)
        CHECK(used() <= 16 * MIB);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK_HEAP(domain);
}

/* The range is full, or the process has no more memory: another error, no end. */
static void other_lacks(void) {
    void **list = NULL;
    CHECK(mpk_domain_limit(domain, 0) == 0);
    fill(100000, &list);
    CHECK(mpk_heap_refusal(domain, 100000, 8) == MPK_ENOMEM);
    drain(&list);
    mpk_domain *fresh;
    enum mpk_rights previous;
    CHECK(mpk_domain_create((size_t)1 << 30, &fresh) == 0);
    CHECK(mpk_domain_open(fresh, MPK_READ_WRITE, &previous) == 0);
    struct rlimit data = {48 * MIB, 48 * MIB}; /* private writable memory: mprotect fails beyond */
    CHECK(setrlimit(RLIMIT_DATA, &data) == 0);
    int count = 0;
    while (count < 100 && mpk_heap_alloc(fresh, MIB, 8))
        count++;
    CHECK(count < 100 && mpk_heap_refusal(fresh, MIB, 8) == MPK_ENOMEM);
    CHECK_HEAP(fresh);
}

int main(void) {
    enum mpk_rights previous;
    mpk_domain *host = test_host();
    CHECK(mpk_domain_limit(NULL, 1) == MPK_EINVALID);
    CHECK(mpk_domain_create(64 * MIB, &domain) == 0);
    CHECK(mpk_domain_open(domain, MPK_READ_WRITE, &previous) == 0);
    holds(16, 4 * MIB);
    holds(1000, 4 * MIB);
    holds(5000, 4 * MIB);
    holds(300000, 8 * MIB);
    CHECK(mpk_heap_alloc(host, 32 * MIB, 8)); /* another domain has its own */
    below_what_is_used();
    all_threads_together();
    other_lacks();
    puts("ok");
    return 0;
}
