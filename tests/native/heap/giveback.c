/* giveback.c - memory that the heap gives back to the kernel keeps its tag: every
 * accessible page of the domain carries the domain's key (and no other page does),
 * before, while and after pages were dropped; and it is really gone. */
#include <unistd.h>
#include "check.h"

#define BYTES ((size_t)1 << 20)
#define COUNT 96

static mpk_domain *domain;

/* Resident bytes of the domain, from smaps. Checks the key of each mapping. */
static size_t resident_bytes(void) {
    char line[512];
    uintptr_t start = 0, end = 0;
    size_t resident = 0, number;
    int keys = 0, inside = 0, pku = mpk_backend() == MPK_BACKEND_PKU, accessible = 0;
    FILE *smaps = fopen("/proc/self/smaps", "r");
    CHECK(smaps);
    while (fgets(line, sizeof line, smaps)) {
        char rights[5];
        unsigned long from, to;
        if (sscanf(line, "%lx-%lx %4s", &from, &to, rights) == 3) {
            start = from, end = to;
            inside = mpk_domain_contains(domain, (void *)start);
            CHECK(!inside || mpk_domain_contains(domain, (void *)(end - 1)));
            accessible = rights[0] == 'r';
        } else if (inside && sscanf(line, "Rss: %zu kB", &number) == 1) {
            resident += number << 10;
        } else if (sscanf(line, "ProtectionKey: %zu", &number) == 1 && pku) {
            int key = (int)number;
            CHECK(!(inside && accessible) || key == mpk_domain_key(domain));
            CHECK(inside || key != mpk_domain_key(domain));
            keys += inside && accessible;
        }
    }
    fclose(smaps);
    CHECK(!pku || keys > 0);
    return resident;
}

int main(void) {
    enum mpk_rights previous;
    void *blocks[COUNT];
    struct mpk_heap_stats stats;
    CHECK(mpk_domain_create((size_t)1 << 30, &domain) == 0);
    CHECK(mpk_domain_open(domain, MPK_READ_WRITE, &previous) == 0);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < COUNT; i++) {
            CHECK(blocks[i] = mpk_heap_alloc(domain, BYTES, 16));
            memset(blocks[i], 1, BYTES);
            if (i % 3 == 0) /* shared pages lose the tag, and must get it again */
                CHECK(mpk_heap_share(domain, (uintptr_t)blocks[i]) == 0);
        }
        mpk_heap_statistics(domain, &stats);
        CHECK(stats.dirty_bytes < COUNT * BYTES && stats.shared_bytes == COUNT / 3 * BYTES);
        for (int i = 0; i < COUNT; i++)
            mpk_heap_free(domain, blocks[i]);
        usleep(150000); /* memory goes back now and then, when something long is freed */
        mpk_heap_free(domain, mpk_heap_alloc(domain, 16 * BYTES, 16));
        mpk_heap_statistics(domain, &stats);
        size_t resident = resident_bytes();
        CHECK(resident < COUNT / 3 * BYTES);
        CHECK(stats.dirty_bytes < COUNT / 3 * BYTES && stats.shared_bytes == 0);
        CHECK_HEAP(domain);
    }
    puts("ok");
    return 0;
}
