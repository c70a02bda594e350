/* One violation of the kind that argv[1] names; prints what lived on. */
#include "check.h"

static mpk_domain *host;
static char *object;

static void hook(struct mpk_violation *v) {
    v->detail = v->handle ? "the hook knows this handle" : v->detail;
    if (v->handle) v->bytes = 4;
}

static __attribute__((noinline)) void foreign_code(const char *what) {
    int token;
    mpk_gate_enter(&token, "foreign_code");
    if (!strcmp(what, "write")) object[10] = 'X';
    if (!strcmp(what, "past-end")) object[48] = 'X';
    if (!strcmp(what, "read")) printf("read %d\n", *opaque(object + 10));
    if (!strcmp(what, "published-read")) printf("published %d\n", *opaque((void *)MPK_PUBLISHED_BASE) != 0);
    if (!strcmp(what, "published-write")) *opaque((void *)(MPK_PUBLISHED_BASE + 64)) = 1;
    if (!strcmp(what, "execute")) ((void (*)(void))(uintptr_t)opaque(object))();
    if (!strcmp(what, "handle"))
        __asm__ volatile("movl $1, 8(%0,%1,2)" : : "r"(0x8000123400040000u), "r"((uint64_t)4) : "memory");
    if (!strcmp(what, "handle-rbp")) /* by RBP: a stack fault, which comes as SIGBUS */
        __asm__ volatile("pushq %%rbp; movq %0, %%rbp; movl (%%rbp), %%eax; popq %%rbp"
                         : : "r"(0x8000123400040000u) : "rax", "memory");
    if (!strcmp(what, "runtime") || !strcmp(what, "ended")) {
        struct mpk_violation v = {.kind = MPK_SPATIAL, .access = MPK_ACCESS_WRITE, .bytes = 1, .key = -1,
                                  .handle = 0x8000123400040064u, .offset = 100, .bound = 100, .lease = 8,
                                  .generation = 3, .live_generation = 3};
        if (!strcmp(what, "ended")) v.kind = MPK_TEMPORAL;
        int was = mpk_access_begin();
        v.allocation = v.address = (uintptr_t)object;
        v.allocation_bytes = 48;
        mpk_violate(&v);
        mpk_access_end(was);
    }
    mpk_gate_exit(&token);
}

int main(int count, char **arguments) {
    CHECK(count == 2);
    host = host_domain();
    object = mpk_heap_calloc(host, 48, 0);
    object[10] = 42;
    setvbuf(stdout, NULL, _IONBF, 0);
    mpk_set_violation_hook(hook);
    if (!strcmp(arguments[1], "host")) {
        mpk_domain *domain;
        enum mpk_rights previous;
        CHECK(mpk_domain_create(0, &domain) == 0); /* before any gate */
        mpk_domain_open(domain, MPK_READ_WRITE, &previous);
        char *closed = mpk_heap_alloc(domain, 32, 0);
        mpk_domain_close(domain, previous);
        *opaque(closed) = 1;
    }
    foreign_code(arguments[1]);
    printf("after: %d, rights %d\n", object[10], mpk_domain_rights(host));
    return 0;
}
