/* threads.c - four threads that send blocks to each other and free what they
 * receive, while short-lived threads come and go and leave blocks behind, the
 * main thread checks the heap, and forks.
 *
 * usage: threads STEPS FORKS
 */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"

#define WORKERS 4
#define MAILBOXES 512

struct letter {                 /* the front of every block */
    uint32_t seed;
    uint32_t bytes;
};

static mpk_domain *domain;
static _Atomic(struct letter *) mailboxes[MAILBOXES];
static _Atomic int working = WORKERS;
static _Atomic long hooked;
static _Atomic long marked;
static long steps;

static void on_freed(uintptr_t base, size_t bytes, uint32_t mark) {
    CHECK(((struct letter *)base)->bytes == bytes && mark == (((struct letter *)base)->seed | 1));
    atomic_fetch_add(&hooked, 1);
}

static struct letter *write_letter(uint64_t *state) {
    uint32_t kind = test_random(state) % 64;
    uint32_t limit = kind == 0 ? 200000 : kind < 4 ? 9000 : 300;
    uint32_t bytes = (uint32_t)sizeof(struct letter) + test_random(state) % limit;
    struct letter *letter = mpk_heap_alloc(domain, bytes, test_random(state) % 8 ? 8 : 64);
    CHECK(letter);
    *letter = (struct letter){test_random(state), bytes};
    test_fill(letter + 1, bytes - sizeof *letter, letter->seed);
    if (kind % 16 == 5) {
        *mpk_heap_mark(domain, (uintptr_t)letter) = letter->seed | 1;
        atomic_fetch_add(&marked, 1);
    }
    if (bytes >= MPK_PAGE_BYTES && kind % 2)
        CHECK(mpk_heap_share(domain, (uintptr_t)letter) == 0);
    return letter;
}

static void read_letter(struct letter *letter) {
    struct mpk_allocation found;
    CHECK(mpk_heap_find(domain, (uintptr_t)letter + letter->bytes, &found));
    CHECK(found.base == (uintptr_t)letter && found.bytes == letter->bytes);
    size_t body = letter->bytes - sizeof *letter;
    CHECK(test_filled(letter + 1, body, body, letter->seed));
    if (letter->seed % 5 == 0 && !found.mark) {
        letter = mpk_heap_realloc(domain, letter, letter->bytes + 100, 8);
        CHECK(letter && test_filled(letter + 1, body, body, letter->seed));
    }
    mpk_heap_free(domain, letter);
}

static void exchange(uint64_t *state) {
    struct letter *letter = write_letter(state);
    letter = atomic_exchange(&mailboxes[test_random(state) % MAILBOXES], letter);
    if (letter)
        read_letter(letter);
}

static void *work(void *argument) {
    uint64_t state = (uintptr_t)argument;
    for (long i = 0; i < steps; i++)
        exchange(&state);
    atomic_fetch_sub(&working, 1);
    return NULL;
}

static void *visit(void *argument) {
    uint64_t state = (uintptr_t)argument;
    for (int i = 0; i < 200; i++)
        exchange(&state);
    return NULL;
}

/* In the child: the heap is whole and usable, other threads' caches are gone. */
static void child(uint64_t state) {
    CHECK_HEAP(domain);
    for (int i = 0; i < 3000; i++)
        exchange(&state);
    CHECK_HEAP(domain);
    _exit(0);
}

static void fork_once(uint64_t state) {
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        child(state);
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Threads whose hints share a place take the long way at each turn: stacks next to each
 * other must not, wherever the kernel has put them. */
static void hints_are_apart(void) {
    uint64_t random = 11;
    int shared = 0;
    for (int i = 0; i < 10000; i++) {
        uintptr_t fs_base = 0x7f0000000000u + (uintptr_t)test_random(&random) * MPK_PAGE_BYTES / 16 + 0x6c0;
        shared += hint_index(fs_base) == hint_index(fs_base - (8u << 20) - MPK_PAGE_BYTES);
    }
    CHECK(shared <= 10000 / 100);
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    steps = strtol(argv[1], NULL, 10);
    long forks = strtol(argv[2], NULL, 10);
    struct mpk_heap_hooks hooks = {on_freed, NULL};
    pthread_t workers[WORKERS];
    hints_are_apart();
    domain = test_host();
    mpk_heap_set_hooks(domain, &hooks);
    for (uintptr_t i = 0; i < WORKERS; i++)
        CHECK(pthread_create(&workers[i], NULL, work, (void *)(i + 1)) == 0);
    for (uintptr_t round = 0; atomic_load(&working) || forks > 0; round++) {
        pthread_t visitor;
        CHECK(pthread_create(&visitor, NULL, visit, (void *)(round + 100)) == 0);
        int line = mpk_heap_check(domain);
        if (line)
            fprintf(stderr, "heap_check.c:%d does not hold\n", line);
        CHECK(!line);
        if (forks-- > 0)
            fork_once(round);
        CHECK(pthread_join(visitor, NULL) == 0);
    }
    for (int i = 0; i < WORKERS; i++)
        CHECK(pthread_join(workers[i], NULL) == 0);
    for (int i = 0; i < MAILBOXES; i++)
        if (mailboxes[i])
            read_letter(mailboxes[i]);
    CHECK_HEAP(domain);
    struct mpk_heap_stats stats;
    mpk_heap_statistics(domain, &stats);
    CHECK(stats.live_allocations == 0 && stats.live_bytes == 0 && stats.shared_bytes == 0);
    CHECK(atomic_load(&hooked) == atomic_load(&marked));
    puts("ok");
    return 0;
}
