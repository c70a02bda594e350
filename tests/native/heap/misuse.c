/* misuse.c - one wrong pointer, by name: each must end the process with one line
 * that says what it was. usage: misuse CASE */
#include <pthread.h>
#include "check.h"

static mpk_domain *host;

static void *free_it(void *block) {
    mpk_heap_free(host, block);
    return NULL;
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    host = test_host();
    const char *name = argv[1];
    char local[64];
    char *small = mpk_heap_alloc(host, 100, 8), *large = mpk_heap_alloc(host, 10000, 8);
    char *huge = mpk_heap_alloc(host, 1u << 20, 8);
    CHECK(small && large && huge);
    fprintf(stderr, "pointers: %p %p %p\n", (void *)small, (void *)large, (void *)huge);
    if (!strcmp(name, "double")) {
        mpk_heap_free(host, small);
        mpk_heap_free(host, small);
    } else if (!strcmp(name, "double-later")) {
        mpk_heap_free(host, small);
        for (int i = 0; i < 1000; i++) {
            char *other = mpk_heap_alloc(host, 200, 8);
            mpk_heap_free(host, other);
        }
        mpk_heap_free(host, small);
    } else if (!strcmp(name, "double-thread")) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, free_it, small) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
        mpk_heap_free(host, small);
    } else if (!strcmp(name, "double-large")) {
        mpk_heap_free(host, large);
        mpk_heap_free(host, large);
    } else if (!strcmp(name, "double-huge")) {
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
        mpk_heap_free(host, small);
        small = mpk_heap_realloc(host, small, 200, 8);
    } else if (!strcmp(name, "realloc-interior")) {
        small = mpk_heap_realloc(host, small + 16, 200, 8);
    } else if (!strcmp(name, "usable-freed")) {
        mpk_heap_free(host, large);
        CHECK(mpk_heap_usable_bytes(host, large));
    } else {
        fprintf(stderr, "misuse: no case %s\n", name);
        return 2;
    }
    fprintf(stderr, "survived\n");
    return 0;
}
