/* A closed domain denies: the very signal, code and key that hardware gives. No
 * handler of the runtime is installed; a small one here notes and steps over. */
#define _GNU_SOURCE
#include <setjmp.h>
#include "check.h"

static sigjmp_buf back;
static volatile int code, key;

static void on_fault(int number, siginfo_t *info, void *context) {
    (void)number;
    (void)context;
    code = info->si_code;
    key = info->si_code == 4 ? (int)info->si_pkey : -1;
    siglongjmp(back, 1);
}

/* si_code of the access, 0 when it went through. A siglongjmp leaves the handler's
 * PKRU (all closed) in place, the runtime's own key included: opened again here. */
static int try_access(mpk_domain *domain, enum mpk_rights rights, char *at, int write) {
    enum mpk_rights previous;
    CHECK(mpk_domain_open(domain, rights, &previous) == 0);
    CHECK(mpk_domain_rights(domain) == rights);
    int pku = is_pku();
    code = 0;
    if (!sigsetjmp(back, 1)) {
        if (write) *opaque(at) = 7;
        else (void)*opaque(at);
    } else if (pku) {
        __asm__ volatile("wrpkru" : : "a"(0), "c"(0), "d"(0) : "memory");
    }
    return code;
}

int main(void) {
    setvbuf(stdout, NULL, _IONBF, 0);
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    mpk_domain *domain, *other;
    enum mpk_rights previous;
    CHECK(mpk_domain_create(0, &domain) == 0);
    CHECK(mpk_domain_create(0, &other) == 0);
    CHECK(mpk_domain_rights(domain) == MPK_NONE);
    CHECK(mpk_domain_open(domain, MPK_READ_WRITE, &previous) == 0 && previous == MPK_NONE);
    char *at = mpk_heap_alloc(domain, 64, 0);
    CHECK(at && mpk_domain_contains(domain, at) && !mpk_domain_contains(other, at));
    *at = 1;
    CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
    int denied = is_pku() ? 4 /* SEGV_PKUERR */ : 2 /* SEGV_ACCERR */;
    struct step { enum mpk_rights rights; int write, expected; } steps[] = {
        {MPK_NONE, 0, denied}, {MPK_NONE, 1, denied}, {MPK_READ, 1, denied},
        {MPK_READ, 0, 0}, {MPK_READ_WRITE, 0, 0}, {MPK_READ_WRITE, 1, 0}};
    for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
        int expected_key = is_pku() ? mpk_domain_key(domain) : -1;
        int found = try_access(domain, steps[i].rights, at, steps[i].write);
        printf("rights %d write %d: si_code %d key %d\n", steps[i].rights, steps[i].write, found, key);
        CHECK(found == steps[i].expected);
        if (found) CHECK(key == expected_key);
    }
    CHECK(mpk_domain_close(domain, MPK_NONE) == 0 && mpk_domain_rights(domain) == MPK_NONE);
    CHECK(mpk_domain_open(domain, (enum mpk_rights)2, NULL) == MPK_EINVALID);
    CHECK(mpk_domain_open((mpk_domain *)at, MPK_READ, NULL) == MPK_EINVALID);
    return 0;
}
