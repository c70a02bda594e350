/* tamper.c - foreign code tries every page of the domains, and of the published range
 * what the heap relies on: each read and each write must be what the rights say.
 *
 * Walked: all that is committed of a small domain (its tables, descriptors, caches,
 * spans, free pages) and of the host domain but for the inside of its page map, where
 * every 64th page must do; the runtime's state, the thread records and the shared runs.
 * What is lent by mpk_heap_share is open, to the page, and closed when it is freed.
 */
#include "check.h"

static enum mpk_rights foreign;
static long refused, allowed;

static void load(void *address) {
    char token;
    mpk_gate_enter(&token, "tamperer");
    (void)*(volatile unsigned char *)address;
    mpk_gate_exit(&token);
}

static void store(void *address) {
    char token;
    mpk_gate_enter(&token, "tamperer");
    *(volatile unsigned char *)address = 0x5a;
    mpk_gate_exit(&token);
}

/* key: of the page. */
static void expect(void (*body)(void *), uintptr_t address, uint32_t access, int permitted, int key) {
    struct mpk_violation v;
    int unwound = mpk_try(body, (void *)address);
    CHECK(unwound == !permitted);
    CHECK(mpk_gate_function() == NULL && !mpk_gate_is_foreign());
    permitted ? allowed++ : refused++;
    if (permitted)
        return;
    CHECK(mpk_last_violation(&v));
    CHECK(v.kind == MPK_BOUNDARY && v.access == access && v.address == address);
    CHECK(v.key == (mpk_backend() == MPK_BACKEND_PKU ? key : -1));
    CHECK(v.function && !strcmp(v.function, "tamperer"));
}

/* One byte of each page; another one each time. */
static void page(uintptr_t start, int readable, int writable, int key) {
    static uintptr_t offset;
    uintptr_t address = start + (offset = (offset + 1031) % MPK_PAGE_BYTES);
    expect(load, address, MPK_ACCESS_READ, readable, key);
    if (!writable) /* where it is open, a store would change what is there */
        expect(store, address, MPK_ACCESS_WRITE, 0, key);
}

static void walk(mpk_domain *domain, uintptr_t sparse_from, uintptr_t sparse_to) {
    uintptr_t end = domain->base + domain->committed;
    for (uintptr_t at = domain->base; at < end; at += MPK_PAGE_BYTES)
        if (at < sparse_from || at >= sparse_to || at / MPK_PAGE_BYTES % 64 == 0)
            page(at, foreign >= MPK_READ, 0, mpk_domain_key(domain));
}

int main(void) {
    enum mpk_rights previous;
    mpk_domain *host = test_host(), *small;
    CHECK(mpk_faults_install() == 0);
    mpk_set_policy(MPK_ON_VIOLATION_UNWIND);
    foreign = mpk_foreign_rights();
    CHECK(mpk_domain_create(16u << 20, &small) == 0);
    CHECK(mpk_domain_open(small, MPK_READ_WRITE, &previous) == 0);
    mpk_domain *domains[] = {small, host};
    unsigned char *lent[2];
    for (int d = 0; d < 2; d++) {
        for (size_t bytes = 8; bytes < 200000; bytes = bytes * 3 / 2) { /* of all kinds, live and free */
            CHECK(mpk_heap_alloc(domains[d], bytes, 8));
            mpk_heap_free(domains[d], mpk_heap_alloc(domains[d], bytes, 8));
        }
        CHECK(lent[d] = mpk_heap_alloc(domains[d], 2 * MPK_PAGE_BYTES, 8));
        CHECK(mpk_heap_mark(domains[d], (uintptr_t)lent[d]));
    }
    uintptr_t map = (uintptr_t)host->heap->map;
    walk(small, 0, 0);
    walk(host, map + MPK_PAGE_BYTES, map + (host->bytes >> PAGE_SHIFT) * sizeof(uint32_t) - MPK_PAGE_BYTES);
    for (int d = 0; d < 2; d++) {
        uintptr_t at = (uintptr_t)lent[d];
        CHECK(mpk_heap_share(domains[d], at) == 0);
        page(at, 1, 1, 0);
        page(at + MPK_PAGE_BYTES, 1, 1, 0);
        expect(store, at, MPK_ACCESS_WRITE, 1, 0);
        CHECK(lent[d][0] == 0x5a);
        page(at + 2 * MPK_PAGE_BYTES, foreign >= MPK_READ, 0, mpk_domain_key(domains[d])); /* slack */
        mpk_heap_free(domains[d], lent[d]);
        page(at, foreign >= MPK_READ, 0, mpk_domain_key(domains[d]));
    }
    int key = MPK_RUNTIME->published_key;
    for (uintptr_t offset = 0; offset < sizeof(struct runtime); offset += MPK_PAGE_BYTES)
        page(MPK_PUBLISHED_BASE + offset, 1, 0, key);
    for (uintptr_t slot = 0; slot < MPK_THREADS; slot += 2)
        page((uintptr_t)_mpk_record_at((uint32_t)slot), 1, 0, key);
    for (uintptr_t offset = 0; offset < 64 * MPK_PAGE_BYTES; offset += MPK_PAGE_BYTES)
        page(MPK_PUBLISHED_BASE + MPK_RUNS_OFFSET + offset, 1, 0, key);
    CHECK_HEAP(host);
    CHECK_HEAP(small);
    printf("ok, refused %ld allowed %ld\n", refused, allowed);
    return 0;
}
