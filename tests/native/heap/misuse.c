/* misuse.c - one wrong pointer, by name: each is a violation that says what it was.
 * With policy abort the process ends there. With policy report the call must have
 * done nothing, with policy unwind it must come back to mpk_try; in both the heap
 * is whole afterwards and what was live lives on. usage: misuse CASE */
#include <pthread.h>
#include "check.h"

static mpk_domain *host, *other;
static const char *name;
static char *small, *large, *huge;
static int freed;               /* which of them the case frees rightly: 1, 2, 4 */

static void *free_it(void *block) {
    mpk_heap_free(host, block);
    return NULL;
}

static void misuse(void *unused) {
    char local[64];
    (void)unused;
    if (!strcmp(name, "double")) {
        freed = 1;
        mpk_heap_free(host, small);
        mpk_heap_free(host, small);
    } else if (!strcmp(name, "double-later")) {
        freed = 1;
        mpk_heap_free(host, small);
        for (int i = 0; i < 1000; i++) {
            char *block = mpk_heap_alloc(host, 200, 8);
            mpk_heap_free(host, block);
        }
        mpk_heap_free(host, small);
    } else if (!strcmp(name, "double-thread")) {
        freed = 1;
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, free_it, small) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
        mpk_heap_free(host, small);
    } else if (!strcmp(name, "double-large")) {
        freed = 2;
        mpk_heap_free(host, large);
        mpk_heap_free(host, large);
    } else if (!strcmp(name, "double-huge")) {
        freed = 4;
        mpk_heap_free(host, huge);
        mpk_heap_free(host, huge);
    } else if (!strcmp(name, "interior")) {
        mpk_heap_free(host, small + 8);
    } else if (!strcmp(name, "interior-odd")) {
        mpk_heap_free(host, small + 1);
    } else if (!strcmp(name, "interior-large")) {
        mpk_heap_free(host, large + 4096);
    } else if (!strcmp(name, "end")) {
        mpk_heap_free(host, small + 100);
    } else if (!strcmp(name, "stack")) {
        mpk_heap_free(host, local);
    } else if (!strcmp(name, "malloc")) {
        mpk_heap_free(host, malloc(10));
    } else if (!strcmp(name, "metadata")) {
        mpk_heap_free(host, host->heap);
    } else if (!strcmp(name, "size-words")) {
        mpk_heap_free(host, (void *)small_start((uintptr_t)small));
    } else if (!strcmp(name, "never")) {
        const struct size_class *class_ = unit_class(host->heap, unit_of(host->heap, (uintptr_t)small));
        mpk_heap_free(host, (char *)small_start((uintptr_t)small) + class_->first +
                                (size_t)(class_->capacity - 1) * class_->size);
    } else if (!strcmp(name, "beyond")) {
        mpk_heap_free(host, (char *)host + host->bytes - 4096);
    } else if (!strcmp(name, "realloc-freed")) {
        freed = 1;
        mpk_heap_free(host, small);
        CHECK(!mpk_heap_realloc(host, small, 200, 8));
    } else if (!strcmp(name, "realloc-interior")) {
        CHECK(!mpk_heap_realloc(host, small + 16, 200, 8));
    } else if (!strcmp(name, "usable-freed")) {
        freed = 2;
        mpk_heap_free(host, large);
        CHECK(mpk_heap_usable_bytes(host, large) == 0);
    } else if (!strcmp(name, "sized")) {
        mpk_heap_free_sized(host, small, 99, 8);
    } else if (!strcmp(name, "sized-zero")) {
        mpk_heap_free_sized(host, small, 0, 8);
    } else if (!strcmp(name, "sized-flags")) { /* the size word's own flag bits, as sizes */
        mpk_heap_free_sized(host, small, SIZE_MARKED | 100, 8);
    } else if (!strcmp(name, "sized-most")) {
        mpk_heap_free_sized(host, small, SIZE_MAX, 8);
    } else if (!strcmp(name, "sized-large")) {
        mpk_heap_free_sized(host, large, 10001, 8);
    } else if (!strcmp(name, "sized-align")) {
        mpk_heap_free_sized(host, small, 100, 8192);
    } else if (!strcmp(name, "sized-align-odd")) {
        mpk_heap_free_sized(host, NULL, 100, 3);
        mpk_heap_free_sized(host, small, 100, 3);
    } else if (!strcmp(name, "sized-double")) {
        freed = 1;
        mpk_heap_free_sized(host, small, 100, 8);
        mpk_heap_free_sized(host, small, SIZE_LIVE, 8);
    } else if (!strcmp(name, "handle")) {
        mpk_heap_free(host, (void *)(1ull << 63 | 0x12345678));
    } else if (!strcmp(name, "other-domain")) {
        mpk_heap_free(other, small);
    } else {
        fprintf(stderr, "misuse: no case %s\n", name);
        exit(2);
    }
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    name = argv[1];
    host = test_host();
    enum mpk_rights previous;
    CHECK(mpk_domain_create(0, &other) == 0 && mpk_domain_open(other, MPK_READ_WRITE, &previous) == 0);
    small = mpk_heap_alloc(host, 100, 8), large = mpk_heap_alloc(host, 10000, 8);
    huge = mpk_heap_alloc(host, 1u << 20, 8);
    CHECK(small && large && huge);
    fprintf(stderr, "pointers: %p %p %p\n", (void *)small, (void *)large, (void *)huge);
    int unwound = mpk_try(misuse, NULL);
    CHECK(unwound == (mpk_policy() == MPK_ON_VIOLATION_UNWIND));
    CHECK_HEAP(host);
    if (!(freed & 1))
        mpk_heap_free_sized(host, small, 100, 8);
    if (!(freed & 2))
        mpk_heap_free_sized(host, large, 10000, 8);
    if (!(freed & 4))
        mpk_heap_free_sized(host, huge, 1u << 20, 8);
    struct mpk_heap_stats stats;
    mpk_heap_statistics(host, &stats);
    CHECK(stats.live_allocations == 0);
    CHECK_HEAP(host);
    fprintf(stderr, "survived\n");
    return 0;
}
