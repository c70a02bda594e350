/* Creating, growing, destroying; keys come back for reuse; shared pages are open
 * to foreign code and nothing else is. */
#include <sys/mman.h>
#include "check.h"

static char *shared_page, *closed_page;

static void touch_shared(void *unused) {
    int token;
    (void)unused;
    mpk_gate_enter(&token, "touch_shared");
    *opaque(shared_page + 4095) = 7;
    mpk_gate_exit(&token);
}

static void touch_closed(void *unused) {
    int token;
    (void)unused;
    mpk_gate_enter(&token, "touch_closed");
    *opaque(closed_page) = 7;
    mpk_gate_exit(&token);
}

int main(void) {
    mpk_domain *host = host_domain(), *domains[32];
    uintptr_t base;
    size_t bytes;
    mpk_domain_range(host, &base, &bytes);
    CHECK(base == MPK_HOST_BASE && bytes == (size_t)1 << MPK_HOST_SHIFT);
    CHECK(mpk_host(NULL) == host && mpk_domain_destroy(host) == MPK_EINVALID);
    int free_before = mpk_keys_free(), made = 0, error;
    for (int round = 0; round < 20; round++) {
        for (made = 0; made < 32 && (error = mpk_domain_create(1 << 24, &domains[made])) == 0; made++) continue;
        CHECK(error == MPK_ENOKEY && made > 2);
        if (is_pku()) CHECK(made == free_before && mpk_keys_free() == 0);
        for (int i = 0; i < made; i++) CHECK(mpk_domain_destroy(domains[i]) == 0);
        CHECK(mpk_domain_destroy(domains[0]) == MPK_EINVALID);
    }
    CHECK(mpk_keys_free() == free_before);
    CHECK(mpk_domain_create((size_t)1 << 50, &domains[0]) == MPK_EINVALID);
    CHECK(mpk_domain_create(0, NULL) == MPK_EINVALID);
    /* Growth to the full, and an error then, with the state intact. */
    CHECK(mpk_domain_create(64 << 20, &domains[0]) == 0);
    CHECK(mpk_domain_open(domains[0], MPK_READ_WRITE, NULL) == 0);
    char *table = mpk_domain_private(domains[0], 3 * 4096 + 1);
    CHECK(table && !table[0] && !table[4 * 4096 - 1]);
    table[0] = table[4 * 4096 - 1] = 1;
    int blocks = 0;
    while (mpk_heap_alloc(domains[0], 1 << 20, 0)) blocks++;
    CHECK(blocks >= 50 && !mpk_domain_private(domains[0], 32 << 20));
    CHECK(mpk_heap_check(domains[0]) == 0);
    CHECK(mpk_domain_destroy(domains[0]) == 0);
    /* Copies check bounds and leave rights as they were. */
    char buffer[20] = "0123456789";
    CHECK(mpk_domain_create(0, &domains[0]) == 0);
    enum mpk_rights previous;
    mpk_domain_open(domains[0], MPK_READ_WRITE, &previous);
    char *object = mpk_heap_calloc(domains[0], 10, 0);
    mpk_domain_close(domains[0], previous);
    CHECK(mpk_domain_write(domains[0], object, buffer, 10) == 0);
    CHECK(mpk_domain_write(domains[0], object + 1, buffer, 10) == MPK_EINVALID);
    CHECK(mpk_domain_read(domains[0], object, buffer, 11) == MPK_EINVALID);
    CHECK(mpk_domain_read(domains[0], object + 5, buffer, 5) == 0 && !memcmp(buffer, "5678956789", 10));
    CHECK(mpk_domain_read(domains[0], object, buffer, SIZE_MAX) == MPK_EINVALID);
    CHECK(mpk_domain_rights(domains[0]) == MPK_NONE);
    /* Sharing. */
    char *pages = mpk_heap_alloc(host, 3 * 4096, 0);
    mpk_set_policy(MPK_ON_VIOLATION_UNWIND);
    shared_page = pages;
    CHECK(mpk_try(touch_shared, NULL) == 1); /* not yet */
    CHECK(mpk_heap_share(host, (uintptr_t)pages) == 0);
    for (int i = 0; i < 50; i++) CHECK(mpk_try(touch_shared, NULL) == 0);
    CHECK(pages[4095] == 7);
    closed_page = mpk_heap_alloc(host, 4096, 0);
    CHECK(mpk_try(touch_closed, NULL) == 1);
    mpk_heap_free(host, pages);
    CHECK(mpk_try(touch_shared, NULL) == 1); /* taken back */
    pages = mpk_heap_alloc(host, 3 * 4096, 0);
    CHECK(mpk_try(touch_shared, NULL) == 1);
    puts("ok");
    return 0;
}
