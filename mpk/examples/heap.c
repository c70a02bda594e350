/* A domain's heap: a limit that it may not exceed, and hardening against the host's own mistakes.
 *
 * Built as README.md says under *In C*; run without arguments. */
#include <stdio.h>
#include "mpk.h"
#include "mpk_heap.h"

static int fail(const char *step, int error)
{
    fprintf(stderr, "%s: %s\n", step, mpk_strerror(error));
    return 1;
}

int main(void)
{
    mpk_domain *domain;
    enum mpk_rights before;
    int error = mpk_domain_create(0, &domain);
    if (error) return fail("mpk_domain_create", error);
    if ((error = mpk_heap_harden(domain, MPK_HEAP_HARDENED))) return fail("mpk_heap_harden", error);
    if ((error = mpk_domain_limit(domain, 1 << 20))) return fail("mpk_domain_limit", error);

    if ((error = mpk_domain_open(domain, MPK_READ_WRITE, &before))) return fail("mpk_domain_open", error);
    void *small = mpk_heap_alloc(domain, 1000, 0);
    if (!small) return fail("mpk_heap_alloc", mpk_heap_refusal(domain, 1000, 0));
    if (mpk_heap_alloc(domain, 2 << 20, 0)) return fail("2 MiB within a limit of 1 MiB", MPK_OK);
    printf("2 MiB: %s\n", mpk_strerror(mpk_heap_refusal(domain, 2 << 20, 0)));
    mpk_heap_free(domain, small);
    mpk_domain_close(domain, before);
    return mpk_domain_destroy(domain) ? 1 : 0;
}
