/* What runs out, and what others take. argv[1]:
 *   domains N: N domains created, used and destroyed, one after the other
 *   space: no more address space (RLIMIT_AS): typed errors, gates go on, and so does
 *     everything when there is space again
 *   keys N: another library takes and gives back hardware keys meanwhile, and keeps one:
 *     its rights are its own business, before, inside and after gates
 *   exec: out of host and out of foreign code, with a host stack and gates in use */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include "../core/check.h"
#include "mpk_call.h"

static mpk_domain *host;
static _Atomic int stop;

static void cross(void) {
    char token;
    mpk_gate_enter(&token, "cross");
    CHECK(mpk_gate_is_foreign());
    mpk_gate_exit(&token);
}

static void use_once(mpk_domain *domain, long i) {
    enum mpk_rights previous;
    CHECK(mpk_domain_open(domain, MPK_READ_WRITE, &previous) == 0);
    long *object = mpk_heap_alloc(domain, sizeof *object, 0);
    *object = i;
    cross();
    CHECK(*object == i);
    CHECK(mpk_domain_close(domain, previous) == 0);
}

static void domains(long count) {
    for (long i = 0; i < count; i++) {
        mpk_domain *domain;
        CHECK(mpk_domain_create(0, &domain) == 0);
        use_once(domain, i);
        CHECK(mpk_domain_destroy(domain) == 0);
    }
    printf("ok: %ld domains\n", count);
}

static size_t address_space(void) {
    FILE *file = fopen("/proc/self/statm", "r");
    size_t pages = 0;
    CHECK(file && fscanf(file, "%zu", &pages) == 1);
    fclose(file);
    return pages * MPK_PAGE_BYTES;
}

static void nothing(void *unused) { (void)unused; }

static void space(void) {
    struct rlimit before, limit;
    mpk_domain *domain = NULL;
    cross();
    CHECK(getrlimit(RLIMIT_AS, &before) == 0);
    limit = before;
    limit.rlim_cur = address_space() + (64 << 10);
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    CHECK(mpk_domain_create(0, &domain) == MPK_ENOMEM && !domain);
    CHECK(mpk_host_stack(0, nothing, NULL) == MPK_ENOMEM); /* its foreign stack */
    for (int i = 0; i < 1000; i++) cross();
    char *reserved = mpk_heap_alloc(host, 8 << 20, 0); /* the host's range is reserved already */
    CHECK(reserved);
    memset(reserved, 1, 8 << 20);
    mpk_heap_free(host, reserved);
    CHECK(setrlimit(RLIMIT_AS, &before) == 0);
    CHECK(mpk_domain_create(0, &domain) == 0);
    use_once(domain, 7);
    CHECK(mpk_domain_destroy(domain) == 0 && mpk_host_stack(0, nothing, NULL) == 0);
    puts("ok");
}

static void *other_library(void *unused) {
    while (!atomic_load(&stop)) {
        int keys[4], count = 0;
        while (count < 4 && (keys[count] = pkey_alloc(0, 0)) >= 0) count++;
        while (count) pkey_free(keys[--count]);
    }
    return unused;
}

static void keys(long count) {
    pthread_t thread;
    int kept = is_pku() ? pkey_alloc(0, PKEY_DISABLE_WRITE) : -1;
    char *page = mmap(NULL, MPK_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(!is_pku() || (kept > 0 && pkey_mprotect(page, MPK_PAGE_BYTES, PROT_READ | PROT_WRITE, kept) == 0));
    CHECK(pthread_create(&thread, NULL, other_library, NULL) == 0);
    long refused = 0;
    for (long i = 0; i < count; i++) {
        mpk_domain *domain;
        char token;
        int error = mpk_domain_create(0, &domain);
        CHECK(error == 0 || error == MPK_ENOKEY); /* it may have them all just now: a typed error */
        refused += error != 0;
        if (!error) {
            use_once(domain, i);
            CHECK(mpk_domain_destroy(domain) == 0);
        }
        if (!is_pku()) continue;
        CHECK(pkey_get(kept) == PKEY_DISABLE_WRITE && *opaque(page) == 0);
        mpk_gate_enter(&token, "keys");
        CHECK(pkey_get(kept) == PKEY_DISABLE_WRITE && *opaque(page) == 0);
        mpk_gate_exit(&token);
        CHECK(pkey_get(kept) == PKEY_DISABLE_WRITE);
    }
    atomic_store(&stop, 1);
    pthread_join(thread, NULL);
    printf("ok: %ld of %ld domains refused\n", refused, count);
}

static const char *self;

static void again(void) {
    execl("/proc/self/exe", self, "after", (char *)NULL);
    _exit(9);
}

static void again_on_host_stack(void *unused) {
    struct mpk_call call = {.function = (uintptr_t)again, .name = "again"};
    struct mpk_call_result result;
    (void)unused;
    mpk_call(&call, &result);
}

static void exec_from(int place) {
    pid_t child = fork();
    if (!child) {
        char token;
        if (place == 1) mpk_gate_enter(&token, "exec");
        if (place == 2) mpk_host_stack(0, again_on_host_stack, NULL);
        again();
    }
    int status;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(int arguments, char **words) {
    CHECK(arguments >= 2);
    self = words[0];
    long count = arguments > 2 ? atol(words[2]) : 0;
    host = host_domain();
    if (!strcmp(words[1], "after")) { /* a new program: the runtime starts as if for the first time */
        use_once(host, 3);
        return 0;
    }
    if (!strcmp(words[1], "domains")) domains(count);
    else if (!strcmp(words[1], "space")) space();
    else if (!strcmp(words[1], "keys")) keys(count);
    else {
        for (int place = 0; place < 3; place++) exec_from(place);
        puts("ok");
    }
    CHECK(mpk_heap_check(host) == 0);
    return 0;
}
