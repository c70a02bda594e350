/* unit.c - the heap's contract (mpk.h), one clause a function. argv[1] "short": fewer rounds. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>
#include "check.h"

static mpk_domain *host;
static int growths = 12, fillings = 3;

static void sizes_and_slack(void) {
    static const size_t aligns[] = {0, 1, 2, 8, 16, 32, 64, 256, 1024, 4096, 16384, 1 << 20};
    for (size_t bytes = 0; bytes < 20000; bytes += bytes < 600 ? 1 : 97) {
        for (size_t i = 0; i < sizeof aligns / sizeof *aligns; i++) {
            size_t align = aligns[i] ? aligns[i] : 16;
            unsigned char *base = mpk_heap_alloc(host, bytes, aligns[i]);
            struct mpk_allocation found;
            CHECK(base && (uintptr_t)base % align == 0);
            CHECK(mpk_heap_find(host, (uintptr_t)base, &found));
            CHECK(found.base == (uintptr_t)base && found.bytes == bytes);
            CHECK(!found.mark && !found.shared);
            CHECK(found.own_pages == (bytes >= MPK_PAGE_BYTES || align > MPK_PAGE_BYTES));
            CHECK(mpk_heap_usable_bytes(host, base) >= bytes);
            /* one past the end is its own, and really there */
            CHECK(mpk_heap_find(host, (uintptr_t)base + bytes, &found) && found.base == (uintptr_t)base);
            CHECK(!mpk_heap_find(host, (uintptr_t)base + bytes + 1, &found) || found.base != (uintptr_t)base);
            memset(base, 0xa5, bytes);
            mpk_heap_free(host, base);
            CHECK(!mpk_heap_find(host, (uintptr_t)base, &found));
            CHECK(!mpk_heap_find(host, (uintptr_t)base + bytes, &found));
        }
    }
    CHECK_HEAP(host);
}

static void power_of_two_costs_little(void) {
    for (size_t bytes = 8; bytes <= 2048; bytes *= 2) {
        void *base = mpk_heap_alloc(host, bytes, 8);
        CHECK(mpk_heap_usable_bytes(host, base) + 1 <= bytes + 16);
        mpk_heap_free(host, base);
    }
}

static void neighbours_are_told_apart(void) {
    char *blocks[200];
    struct mpk_allocation found;
    for (int i = 0; i < 200; i++)
        CHECK(blocks[i] = mpk_heap_alloc(host, 64, 8));
    for (int i = 0; i < 200; i++)
        for (size_t offset = 0; offset <= 64; offset++)
            CHECK(mpk_heap_find(host, (uintptr_t)blocks[i] + offset, &found) &&
                  found.base == (uintptr_t)blocks[i]);
    for (int i = 0; i < 200; i += 2)
        mpk_heap_free(host, blocks[i]);
    for (int i = 0; i < 200; i++)
        CHECK(mpk_heap_find(host, (uintptr_t)blocks[i] + 3, &found) == i % 2);
    for (int i = 1; i < 200; i += 2)
        mpk_heap_free(host, blocks[i]);
}

static void metadata_is_never_found(void) {
    struct mpk_allocation found;
    struct heap *heap = host->heap;
    CHECK(!mpk_heap_find(host, (uintptr_t)host, &found));
    CHECK(!mpk_heap_find(host, (uintptr_t)heap, &found));
    CHECK(!mpk_heap_find(host, (uintptr_t)heap->map + 100, &found));
    CHECK(!mpk_heap_find(host, host->base - 1, &found));
    CHECK(!mpk_heap_find(host, host->base + host->bytes, &found));
    CHECK(!mpk_heap_find(host, host->base + host->bytes - 1, &found));
    CHECK(!mpk_heap_find(host, 0, &found));
    CHECK(!mpk_heap_find(host, UINTPTR_MAX, &found));
    char *block = mpk_heap_alloc(host, 100, 8);
    CHECK(mpk_heap_mark(host, (uintptr_t)block));
    CHECK(!mpk_heap_find(host, (uintptr_t)mpk_heap_mark(host, (uintptr_t)block), &found));
    CHECK(!mpk_heap_find(host, small_start((uintptr_t)block), &found)); /* its size words */
    mpk_heap_free(host, block);
    for (uint32_t slot = 0; slot < MPK_THREADS; slot++)
        if (heap->caches[slot])
            CHECK(!mpk_heap_find(host, (uintptr_t)heap->caches[slot], &found));
}

static void calloc_is_zero(void) {
    for (size_t bytes = 1; bytes < 6u << 20; bytes += bytes / 3 + 1) {
        for (int round = 0; round < 3; round++) { /* the second time from used memory */
            unsigned char *base = mpk_heap_calloc(host, bytes, 16);
            CHECK(base);
            for (size_t i = 0; i < bytes; i++)
                CHECK(base[i] == 0);
            memset(base, 0xff, bytes);
            mpk_heap_free(host, base);
        }
    }
    CHECK_HEAP(host);
}

static void realloc_keeps_bytes(void) {
    unsigned char *base = mpk_heap_realloc(host, NULL, 10, 8);
    size_t bytes = 10;
    uint64_t random = 7;
    CHECK(base);
    test_fill(base, bytes, 1);
    for (int i = 0; i < 3000; i++) {
        size_t wanted = test_random(&random) % (i % 3 ? 300 : 200000);
        base = mpk_heap_realloc(host, base, wanted, 8);
        CHECK(base && test_filled(base, bytes < wanted ? bytes : wanted, bytes, 1));
        bytes = wanted;
        test_fill(base, bytes, 1);
        struct mpk_allocation found;
        CHECK(mpk_heap_find(host, (uintptr_t)base, &found) && found.bytes == bytes);
    }
    mpk_heap_free(host, base);
    CHECK_HEAP(host);
}

static void realloc_grows_in_place(void) {
    char *block = mpk_heap_alloc(host, 100, 8);
    CHECK(mpk_heap_realloc(host, block, mpk_heap_usable_bytes(host, block), 8) == block);
    mpk_heap_free(host, block);
    /* A long buffer at the end of what is committed need never move: the first in a domain lies there. */
    mpk_domain *fresh; enum mpk_rights previous;
    CHECK(mpk_domain_create((size_t)1 << 30, &fresh) == 0 && mpk_domain_open(fresh, MPK_READ_WRITE, &previous) == 0);
    size_t bytes = 64u << 20;
    char *buffer = mpk_heap_alloc(fresh, bytes, 16);
    int moves = 0;
    for (int i = 0; i < growths; i++, bytes += 16u << 20) {
        char *next = mpk_heap_realloc(fresh, buffer, bytes + (16u << 20), 16);
        moves += next != buffer;
        CHECK((buffer = next));
    }
    bool guarded = mpk_heap_parts(fresh) & MPK_HEAP_GUARDS; /* then the buffer must move */
    CHECK(guarded ? moves == growths : moves == 0);
    char *last = buffer, *same = buffer = mpk_heap_realloc(fresh, buffer, 1u << 20, 16);
    CHECK((same == last) == !guarded); /* shrinking gives the tail away without moving */
    CHECK(!mpk_heap_find(fresh, (uintptr_t)buffer + (2u << 20), &(struct mpk_allocation){0}));
    CHECK_HEAP(fresh);
    CHECK(mpk_domain_close(fresh, previous) == 0 && mpk_domain_destroy(fresh) == 0);
}

static void realloc_honours_alignment(void) {
    for (int i = 0; i < 50; i++) {
        char *block = mpk_heap_alloc(host, 40, 8);
        test_fill(block, 40, 3);
        block = mpk_heap_realloc(host, block, 44, 4096);
        CHECK((uintptr_t)block % 4096 == 0 && test_filled(block, 40, 40, 3));
        block = mpk_heap_realloc(host, block, 50000, 65536);
        CHECK((uintptr_t)block % 65536 == 0 && test_filled(block, 40, 40, 3));
        mpk_heap_free(host, block);
    }
}

static void nonsense_is_refused(void) {
    struct mpk_heap_stats before, after;
    mpk_heap_statistics(host, &before);
    CHECK(!mpk_heap_alloc(host, SIZE_MAX, 8) && !mpk_heap_alloc(host, SIZE_MAX - 4095, 0));
    CHECK(!mpk_heap_alloc(host, SIZE_MAX / 2, 1));
    CHECK(!mpk_heap_alloc(host, (size_t)1 << MPK_HOST_SHIFT, 1));
    CHECK(!mpk_heap_calloc(host, SIZE_MAX - 1, 16));
    CHECK(!mpk_heap_alloc(host, 8, (size_t)1 << 63));
    CHECK(!mpk_heap_alloc(host, 8, (size_t)1 << MPK_HOST_SHIFT));
    CHECK(!mpk_heap_alloc(host, SIZE_MAX, (size_t)1 << 63));
    for (size_t align = 3; align < 5000; align = align * 2 + 1) /* odd: no power of two */
        CHECK(!mpk_heap_alloc(host, 1, align) && !mpk_heap_calloc(host, 100, 2 * align) && !mpk_heap_realloc(host, NULL, 9, align));
    char *block = mpk_heap_alloc(host, 100, 8);
    test_fill(block, 100, 9);
    CHECK(!mpk_heap_realloc(host, block, SIZE_MAX, 8));
    CHECK(!mpk_heap_realloc(host, block, 200, 12));
    CHECK(test_filled(block, 100, 100, 9)); /* a refusal leaves the old one alone */
    char *large = mpk_heap_alloc(host, 100000, 8);
    test_fill(large, 100000, 5);
    CHECK(!mpk_heap_realloc(host, large, SIZE_MAX - 1, 8));
    CHECK(test_filled(large, 100000, 100000, 5));
    mpk_heap_free(host, block);
    mpk_heap_free(host, large);
    mpk_heap_free(host, NULL);
    mpk_heap_statistics(host, &after);
    CHECK(after.live_allocations == before.live_allocations);
    CHECK(after.live_bytes == before.live_bytes);
    CHECK_HEAP(host);
}

static void statistics_are_exact(void) {
    struct mpk_heap_stats before, after;
    mpk_heap_statistics(host, &before);
    void *small = mpk_heap_alloc(host, 123, 8), *large = mpk_heap_alloc(host, 10000, 8);
    mpk_heap_statistics(host, &after);
    CHECK(after.live_bytes == before.live_bytes + 10123);
    CHECK(after.live_allocations == before.live_allocations + 2);
    CHECK(mpk_heap_share(host, (uintptr_t)large) == 0);
    mpk_heap_statistics(host, &after);
    CHECK(after.shared_bytes == before.shared_bytes + 3 * MPK_PAGE_BYTES);
    CHECK(after.reserved_bytes == (size_t)1 << MPK_HOST_SHIFT);
    mpk_heap_free(host, small);
    mpk_heap_free(host, large);
    mpk_heap_statistics(host, &after);
    CHECK(after.live_bytes == before.live_bytes && after.shared_bytes == before.shared_bytes);
}

/* ---- Marks and hooks. ------------------------------------------------------- */

static struct { uintptr_t base; size_t bytes, new_bytes; uint32_t mark; int calls; } heard;

static void on_freed(uintptr_t base, size_t bytes, uint32_t mark) {
    struct mpk_allocation found;
    CHECK(!mpk_heap_find(host, base, &found)); /* dead, but not yet anybody else's */
    void *other = mpk_heap_alloc(host, bytes, 8); /* no locks are held */
    CHECK((uintptr_t)other != base);
    mpk_heap_free(host, other);
    heard.base = base, heard.bytes = bytes, heard.mark = mark, heard.calls++;
}

static void on_resized(uintptr_t base, size_t old_bytes, size_t new_bytes, uint32_t mark) {
    heard.base = base, heard.bytes = old_bytes, heard.new_bytes = new_bytes;
    heard.mark = mark, heard.calls++;
}

static void marks_live_and_die(size_t bytes) {
    struct mpk_heap_hooks hooks = {on_freed, on_resized};
    struct mpk_allocation found;
    mpk_heap_set_hooks(host, &hooks);
    memset(&heard, 0, sizeof heard);
    char *block = mpk_heap_alloc(host, bytes, 8);
    uintptr_t base = (uintptr_t)block;
    CHECK(mpk_heap_find(host, base, &found) && !found.mark);
    uint32_t *mark = mpk_heap_mark(host, base);
    CHECK(mark && *mark == 0 && mpk_heap_mark(host, base) == mark);
    CHECK(mpk_heap_find(host, base + bytes / 2, &found) && found.mark == mark);
    CHECK(!mpk_heap_mark(host, base + 1) && !mpk_heap_mark(host, 4096));
    mpk_heap_free(host, block); /* the word is 0: nobody is told */
    CHECK(heard.calls == 0);

    block = mpk_heap_alloc(host, bytes, 8);
    base = (uintptr_t)block;
    CHECK(mpk_heap_find(host, base, &found) && !found.mark);
    *mpk_heap_mark(host, base) = 77;
    CHECK(mpk_heap_realloc(host, block, bytes - 1, 8) == block);
    CHECK(heard.calls == 1 && heard.base == base && heard.mark == 77);
    CHECK(heard.bytes == bytes && heard.new_bytes == bytes - 1);
    CHECK(*mpk_heap_mark(host, base) == 77); /* still marked */
    block = mpk_heap_realloc(host, block, bytes * 50, 8); /* moves, or grows in place */
    CHECK(heard.calls == 2 && heard.base == base && heard.mark == 77 && heard.bytes == bytes - 1);
    CHECK(mpk_heap_find(host, (uintptr_t)block, &found));
    CHECK((uintptr_t)block == base ? *found.mark == 77 : !found.mark);
    mpk_heap_free(host, block);
    CHECK(heard.calls == ((uintptr_t)block == base ? 3 : 2));

    block = mpk_heap_alloc(host, bytes, 8);
    *mpk_heap_mark(host, (uintptr_t)block) = 78;
    mpk_heap_free(host, block);
    CHECK(heard.mark == 78 && heard.base == (uintptr_t)block && heard.bytes == bytes);
    CHECK(!mpk_heap_mark(host, (uintptr_t)block)); /* a dead one cannot be marked */
    block = mpk_heap_alloc(host, bytes, 8);
    CHECK(mpk_heap_find(host, (uintptr_t)block, &found) && !found.mark);
    CHECK(*mpk_heap_mark(host, (uintptr_t)block) == 0); /* 0 at birth, whatever was there */
    mpk_heap_free(host, block);
    mpk_heap_set_hooks(host, NULL);
    CHECK_HEAP(host);
}

/* ---- Sharing. --------------------------------------------------------------- */

static void sharing(void) {
    struct mpk_allocation found;
    char *small = mpk_heap_alloc(host, 100, 8);
    CHECK(mpk_heap_share(host, (uintptr_t)small) == MPK_EINVALID);
    CHECK(mpk_heap_share(host, (uintptr_t)host) == MPK_EINVALID);
    CHECK(mpk_heap_share(host, 0x1000) == MPK_EINVALID);
    mpk_heap_free(host, small);
    for (size_t bytes = 4096; bytes < 100000; bytes = bytes * 3 / 2) {
        char *dirty = mpk_heap_alloc(host, bytes, 8);
        memset(dirty, 0x77, mpk_heap_usable_bytes(host, dirty) & ~(size_t)4095);
        mpk_heap_free(host, dirty);
        char *base = mpk_heap_alloc(host, bytes, 8);
        CHECK(mpk_heap_share(host, (uintptr_t)base + 1) == MPK_EINVALID);
        CHECK(mpk_heap_share(host, (uintptr_t)base) == 0);
        CHECK(mpk_heap_share(host, (uintptr_t)base) == 0); /* once is enough */
        CHECK(mpk_heap_find(host, (uintptr_t)base, &found) && found.shared);
        /* nothing of a former owner behind the end, on pages that foreign code sees */
        for (size_t i = bytes; i < data_pages(bytes) * MPK_PAGE_BYTES; i++)
            CHECK(base[i] == 0);
        test_fill(base, bytes, 4);
        size_t less = bytes - bytes / 4 < MPK_PAGE_BYTES ? MPK_PAGE_BYTES : bytes - bytes / 4;
        char *next = mpk_heap_realloc(host, base, less, 8); /* shrinks in place */
        CHECK(next == base && test_filled(next, bytes / 2, bytes, 4));
        CHECK(mpk_heap_find(host, (uintptr_t)next, &found) && found.shared);
        char *grown = mpk_heap_realloc(host, next, bytes * 4, 8); /* new pages are not shared */
        CHECK(test_filled(grown, bytes / 2, bytes, 4));
        CHECK(mpk_heap_find(host, (uintptr_t)grown, &found));
        CHECK(grown == next || !found.shared);
        mpk_heap_free(host, grown);
        CHECK(mpk_heap_share(host, (uintptr_t)grown) == MPK_EINVALID);
    }
    struct mpk_heap_stats stats;
    mpk_heap_statistics(host, &stats);
    CHECK(stats.shared_bytes == 0);
    CHECK_HEAP(host);
}

/* ---- Exhaustion, and memory given back. -------------------------------------- */

static void exhaustion(size_t bytes) {
    mpk_domain *domain;
    enum mpk_rights previous;
    CHECK(mpk_domain_create(16u << 20, &domain) == 0);
    CHECK(mpk_domain_open(domain, MPK_READ_WRITE, &previous) == 0);
    for (int round = 0; round < fillings; round++) {
        void **last = NULL, **block;
        size_t count = 0;
        while ((block = mpk_heap_alloc(domain, bytes, 8))) {
            *block = last;
            last = block;
            count++;
        }
        size_t each = mpk_heap_usable_bytes(domain, last) + 1;
        CHECK(count * each > 11u << 20); /* most of the range was usable */
        CHECK(_mpk_heap_check_quiet(domain) == 0);
        CHECK(!mpk_heap_calloc(domain, bytes, 8));
        CHECK(!mpk_heap_realloc(domain, last, 8u << 20, 8) && *last != last);
        struct mpk_heap_stats stats;
        mpk_heap_statistics(domain, &stats);
        CHECK(stats.live_allocations == count && stats.live_bytes == count * bytes);
        while (last) {
            block = *last;
            mpk_heap_free(domain, last);
            last = block;
        }
        CHECK(_mpk_heap_check_quiet(domain) == 0);
    }
    void *most = mpk_heap_alloc(domain, 8u << 20, 8); /* coalesced again */
    CHECK(bytes < MPK_PAGE_BYTES || most);
    CHECK(mpk_domain_close(domain, previous) == 0);
    CHECK(mpk_domain_destroy(domain) == 0);
}

static long resident_pages(void) {
    long total, resident;
    FILE *statm = fopen("/proc/self/statm", "r");
    CHECK(statm && fscanf(statm, "%ld %ld", &total, &resident) == 2);
    fclose(statm);
    return resident;
}

static void memory_is_given_back(void) {
    void *blocks[64];
    for (int i = 0; i < 64; i++) {
        CHECK(blocks[i] = mpk_heap_alloc(host, 2u << 20, 16));
        memset(blocks[i], 1, 2u << 20);
    }
    long high = resident_pages();
    errno = 1234;
    for (int i = 0; i < 64; i++)
        mpk_heap_free(host, blocks[i]);
    usleep(200000); /* not more often than every 100 ms, and then when something is freed */
    mpk_heap_free(host, mpk_heap_alloc(host, 8u << 20, 16));
    CHECK(errno == 1234); /* free leaves errno alone */
    CHECK(high - resident_pages() > 96L * 256);
    CHECK_HEAP(host);
}

/* A page of nothing but slack stays untouched. */
static void slack_page_is_not_resident(void) {
    mpk_domain *domain;
    enum mpk_rights previous;
    CHECK(mpk_domain_create(64u << 20, &domain) == 0);
    CHECK(mpk_domain_open(domain, MPK_READ_WRITE, &previous) == 0);
    /* One huge page would hold all of it. */
    CHECK(madvise((void *)domain->base, domain->bytes, MADV_NOHUGEPAGE) == 0 || errno == EINVAL);
    CHECK(mpk_heap_alloc(domain, 4096, 8));
    long before = resident_pages();
    for (int i = 0; i < 2000; i++)
        memset(mpk_heap_alloc(domain, 4096, 8), 1, 4096);
    CHECK(resident_pages() - before < 2000 + 200);
    CHECK(mpk_domain_close(domain, previous) == 0);
    CHECK(mpk_domain_destroy(domain) == 0);
}

int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "short")) growths = 3, fillings = 2;
    host = test_host();
    sizes_and_slack();
    power_of_two_costs_little();
    neighbours_are_told_apart();
    metadata_is_never_found();
    calloc_is_zero();
    realloc_keeps_bytes();
    realloc_grows_in_place();
    realloc_honours_alignment();
    nonsense_is_refused();
    statistics_are_exact();
    marks_live_and_die(100);
    marks_live_and_die(8);
    marks_live_and_die(10000);
    sharing();
    static const size_t blocks[] = {8, 100, 3000, 4096, 100000};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        exhaustion(blocks[i]);
    memory_is_given_back();
    slack_page_is_not_resident();
    puts("ok");
    return 0;
}
