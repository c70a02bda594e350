/* growth.c - buffers that grow by realloc get pages ahead of their need, and a thread
 * never withholds more of them than it may keep; what it keeps goes back when it turns to
 * something else, and what it had used is zero for calloc.
 */
#include <pthread.h>
#include "check.h"
#include "mpk_heap.h"

#define LONG_BYTES (1u << 20)
#define KEPT_BYTES (RUN_CACHE_PAGES * (size_t)MPK_PAGE_BYTES)

static mpk_domain *host;

/* What the thread frees last is a run of LONG_BYTES. */
static void free_a_long_one(void) {
    void *block = mpk_heap_alloc(host, LONG_BYTES, 8);
    CHECK(block);
    mpk_heap_free(host, block);
}

static char *grown(size_t bytes) {
    char *buffer = mpk_heap_alloc(host, 100, 8);
    CHECK(buffer);
    test_fill(buffer, 100, 3);
    buffer = mpk_heap_realloc(host, buffer, bytes, 8);
    CHECK(buffer && test_filled(buffer, 100, 100, 3));
    return buffer;
}

/* Whatever else is allocated meanwhile, the buffer stays where it is. */
static void grows_without_moving(void) {
    void *others[100] = {0};
    size_t count = 0;
    free_a_long_one();
    char *buffer = grown(5000);
    for (size_t bytes = 6000; bytes < LONG_BYTES; bytes += bytes / 5) {
        CHECK(others[count++] = mpk_heap_alloc(host, 5000, 8));
        CHECK(mpk_heap_realloc(host, buffer, bytes, 8) == buffer);
        buffer[bytes - 1] = 1;
        struct mpk_allocation found;
        CHECK(mpk_heap_find(host, (uintptr_t)buffer + bytes, &found) && found.bytes == bytes);
        CHECK(!mpk_heap_find(host, (uintptr_t)buffer + bytes + 1, &found));
        CHECK_HEAP(host);
    }
    mpk_heap_free(host, buffer);
    while (count--)
        mpk_heap_free(host, others[count]);
}

#define MANY 300
static char *buffers[MANY];

static size_t used_bytes(void) {
    struct mpk_heap_stats stats;
    mpk_heap_statistics(host, &stats);
    return stats.used_bytes;
}

static void *free_them(void *unused) {
    for (int i = 0; i < MANY; i++)
        mpk_heap_free(host, buffers[i]);
    return unused;
}

/* Short buffers hold no more than one thread may keep, however many there are; and
 * when others have freed them, this thread may lend as much again. */
static void is_bounded(void) {
    for (int round = 0; round < 3; round++) {
        size_t before = used_bytes(), ahead = 0;
        for (int i = 0; i < MANY; i++) {
            free_a_long_one();
            buffers[i] = grown(5000);
            ahead += mpk_heap_usable_bytes(host, buffers[i]) > LONG_BYTES / 2;
            CHECK_HEAP(host);
        }
        CHECK(ahead > 1 && ahead <= KEPT_BYTES / LONG_BYTES);
        CHECK(used_bytes() < before + KEPT_BYTES + MANY * 4 * MPK_PAGE_BYTES + 4 * LONG_BYTES);
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, free_them, NULL) == 0 && pthread_join(thread, NULL) == 0);
        CHECK_HEAP(host);
    }
}

/* A buffer that shrinks gives back what it had ahead. */
static void shrinking_ends_it(void) {
    for (int i = 0; i < 20; i++) {
        free_a_long_one();
        char *buffer = buffers[i] = grown(20000);
        CHECK(mpk_heap_usable_bytes(host, buffer) > LONG_BYTES / 2);
        CHECK(mpk_heap_realloc(host, buffer, 5000, 8) == buffer);
        CHECK(mpk_heap_usable_bytes(host, buffer) < 20000);
    }
    CHECK_HEAP(host);
    for (int i = 0; i < 20; i++)
        mpk_heap_free(host, buffers[i]);
}

/* What cannot be reclaimed is not lent where memory is limited. */
static void not_under_a_limit(void) {
    free_a_long_one();
    CHECK(mpk_domain_limit(host, used_bytes() + (64u << 20)) == 0);
    char *buffer = grown(5000);
    CHECK(mpk_heap_usable_bytes(host, buffer) < LONG_BYTES / 2);
    mpk_heap_free(host, buffer);
    CHECK(mpk_domain_limit(host, 0) == 0);
    CHECK_HEAP(host);
}

/* After a grown buffer that was long, one more is believed to become long before it is;
 * after one that was not, none. Made short again, it has no pages of its own. */
static void one_is_believed(void) {
    mpk_heap_free(host, grown(LONG_BYTES));
    char *first = grown(200), *second = grown(200);
    CHECK(mpk_heap_usable_bytes(host, first) > LONG_BYTES / 2);
    CHECK(mpk_heap_usable_bytes(host, second) < 300);
    CHECK(mpk_heap_realloc(host, first, 5000, 8) == first && mpk_heap_realloc(host, first, 5001, 8) == first);
    CHECK(mpk_heap_usable_bytes(host, first = mpk_heap_realloc(host, first, 100, 8)) < 300);
    CHECK(test_filled(first, 100, 100, 3));
    CHECK_HEAP(host);
    mpk_heap_free(host, first);
    mpk_heap_free(host, second);
    mpk_heap_free(host, grown(LONG_BYTES));
    mpk_heap_free(host, grown(200));
    CHECK(mpk_heap_usable_bytes(host, first = grown(200)) < 300);
    mpk_heap_free(host, first);
}

/* Each page with one byte that is not zero, wherever that is. */
static void calloc_wipes_what_was_used(void) {
    for (size_t at = 0; at < MPK_PAGE_BYTES; at += 61) {
        char *block = mpk_heap_alloc(host, 65536, 8);
        for (size_t page = 0; page < 65536; page += MPK_PAGE_BYTES)
            block[page + (page % (3 * MPK_PAGE_BYTES) ? at : MPK_PAGE_BYTES - 1 - at)] = 1;
        mpk_heap_free(host, block);
        CHECK(mpk_heap_calloc(host, 65536, 8) == block);
        for (size_t i = 0; i < 65536; i++)
            CHECK(!block[i]);
        mpk_heap_free(host, block);
    }
}

/* A thread that turns to another size gives up what it kept of the ones before. */
static void turning_elsewhere(void) {
    static char *blocks[60000];
    for (size_t bytes = 100; bytes < 4000; bytes += bytes / 5) {
        for (int i = 0; i < 100; i++)
            CHECK(blocks[i] = mpk_heap_alloc(host, bytes, 8));
        for (int i = 0; i < 100; i++)
            mpk_heap_free(host, blocks[i]);
    }
    for (int i = 0; i < 40; i++)
        CHECK(blocks[i] = mpk_heap_alloc(host, 100000, 8));
    for (int i = 0; i < 40; i++)
        mpk_heap_free(host, blocks[i]);
    size_t before = used_bytes(), bytes = sizeof blocks / sizeof *blocks * 56;
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        CHECK(blocks[i] = mpk_heap_alloc(host, 50, 8));
    CHECK(before > 4u << 20 && used_bytes() < before + bytes - (3u << 20));
    CHECK_HEAP(host);
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        mpk_heap_free(host, blocks[i]);
    CHECK_HEAP(host);
}

int main(void) {
    host = test_host();
    grows_without_moving();
    is_bounded();
    shrinking_ends_it();
    one_is_believed();
    calloc_wipes_what_was_used();
    turning_elsewhere();
    not_under_a_limit();
    puts("ok");
    return 0;
}
