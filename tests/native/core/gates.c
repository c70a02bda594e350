/* Gates nest, callbacks come back, accessors open and close, and rights after are
 * what they were before. */
#include <pthread.h>
#include <sys/resource.h>
#include "check.h"

static mpk_domain *host;
static char *secret;

/* Generated gates have their arguments in registers when they ask. */
static void side_changes_no_argument(int foreign) {
    const uint64_t before[8] = {1, 2, 3, 4, 5, 6, 7, 0x3ff8000000000000};
    uint64_t after[8] = {0};
    register uint64_t *to __asm__("r12") = after;
    int side;
    __asm__ volatile("movq (%%rbx), %%rdi; movq 8(%%rbx), %%rsi; movq 16(%%rbx), %%rdx; movq 24(%%rbx), %%rcx\n"
                     "movq 32(%%rbx), %%r8; movq 40(%%rbx), %%r9; movq 48(%%rbx), %%r10; movq 56(%%rbx), %%xmm7\n"
                     "call mpk_gate_side\n"
                     "movq %%rdi, (%%r12); movq %%rsi, 8(%%r12); movq %%rdx, 16(%%r12); movq %%rcx, 24(%%r12)\n"
                     "movq %%r8, 32(%%r12); movq %%r9, 40(%%r12); movq %%r10, 48(%%r12); movq %%xmm7, 56(%%r12)\n"
                     : "=a"(side)
                     : "b"(before), "r"(to)
                     : "rdi", "rsi", "rdx", "rcx", "r8", "r9", "r10", "r11", "xmm7", "memory", "cc");
    CHECK((side != 0) == foreign && !memcmp(before, after, sizeof before));
}

static void access_from_foreign(void) {
    CHECK(mpk_gate_is_foreign());
    side_changes_no_argument(1);
    int was = mpk_access_begin();
    CHECK(was == 1 && !mpk_gate_is_foreign());
    CHECK(mpk_access_begin() == 0); /* nested: does nothing, undoes nothing */
    mpk_access_end(0);
    secret[0]++;
    mpk_access_end(was);
    CHECK(mpk_gate_is_foreign());
}

/* C calls Rust calls C ... */
static void descend(int depth) {
    int token, callback_token;
    char *mine = (char *)&token;
    mpk_gate_enter(&token, depth % 2 ? "odd" : "even");
    CHECK(mpk_gate_is_foreign());
    CHECK(!strcmp(mpk_gate_function(), depth % 2 ? "odd" : "even"));
    CHECK(mpk_domain_rights(host) == mpk_foreign_rights());
    access_from_foreign();
    int foreign_local;
    CHECK(mpk_gate_host_frame((uintptr_t)mine)); /* the gate's own frame and all above it */
    CHECK(!mpk_gate_host_frame((uintptr_t)__builtin_frame_address(0) - 65536));
    CHECK(!mpk_gate_host_frame((uintptr_t)secret) && !mpk_gate_host_frame(0));
    (void)foreign_local;
    if (depth > 0) {
        mpk_callback_enter(&callback_token);
        CHECK(!mpk_gate_is_foreign());
        secret[0]++;
        descend(depth - 1);
        secret[0]++;
        mpk_callback_exit(&callback_token);
    }
    CHECK(mpk_gate_is_foreign());
    mpk_gate_exit(&token);
    CHECK(!mpk_gate_is_foreign());
    side_changes_no_argument(0);
}

/* A frame between two gates belongs to the foreign call; its caller's to the host. */
static __attribute__((noinline)) void inner_frames(uintptr_t host_local, uintptr_t foreign_local) {
    int callback_token[16], host_again, token;
    mpk_callback_enter(callback_token);
    CHECK(mpk_gate_host_frame(host_local) && !mpk_gate_host_frame(foreign_local));
    mpk_gate_enter(&token, "inner");
    CHECK(mpk_gate_host_frame(host_local) && !mpk_gate_host_frame(foreign_local));
    mpk_gate_exit(&token);
    (void)host_again;
    mpk_callback_exit(callback_token);
}

static __attribute__((noinline)) void foreign_frame(uintptr_t host_local) {
    char foreign_local[64];
    inner_frames(host_local, (uintptr_t)opaque(foreign_local));
}

/* Gates whose exit was skipped are dropped by the next one. */
static void skip_exit(int depth);

static __attribute__((noinline)) void skip_callback(int depth) {
    char room[256];
    int token;
    mpk_callback_enter(&token); /* and here Rust panics past C */
    if (depth) skip_exit(depth - 1);
    (void)*opaque(room);
}

static __attribute__((noinline)) void skip_exit(int depth) {
    char room[256];
    int token;
    mpk_gate_enter(&token, "left by a panic");
    skip_callback(depth);
    (void)*opaque(room); /* not a tail call: each level has a frame of its own */
}

/* Foreign code writes where the runtime guesses which record is the caller's. */
extern _Thread_local uintptr_t _mpk_record_guess;

static __attribute__((noinline)) void gate_after(uintptr_t guess) {
    int outer, inner;
    _mpk_record_guess = guess; /* as if it had been forged earlier */
    mpk_gate_enter(&outer, "forges");
    CHECK(mpk_gate_is_foreign() && !strcmp(mpk_gate_function(), "forges"));
    _mpk_record_guess = guess;
    mpk_callback_enter(&inner);
    CHECK(!mpk_gate_is_foreign());
    secret[0]++;
    secret[0]--;
    _mpk_record_guess = guess;
    mpk_callback_exit(&inner);
    CHECK(mpk_gate_is_foreign());
    _mpk_record_guess = guess;
    mpk_gate_exit(&outer);
    CHECK(!mpk_gate_is_foreign() && mpk_gate_function() == NULL);
}

static pthread_barrier_t both;
static uintptr_t others;
static void *other_thread(void *unused) {
    int token;
    mpk_gate_enter(&token, "the other one");
    mpk_gate_exit(&token);
    others = _mpk_record_guess;
    pthread_barrier_wait(&both);
    pthread_barrier_wait(&both); /* its record lives meanwhile */
    CHECK(!mpk_gate_is_foreign());
    mpk_gate_enter(&token, "after all");
    CHECK(mpk_gate_is_foreign());
    mpk_gate_exit(&token);
    return unused;
}

static void forged_guesses(void) {
    pthread_t thread;
    pthread_barrier_init(&both, NULL, 2);
    CHECK(pthread_create(&thread, NULL, other_thread, NULL) == 0);
    pthread_barrier_wait(&both);
    gate_after(0);
    uintptr_t mine = _mpk_record_guess;
    uintptr_t guesses[] = {mine, mine + 24, mine - 24, mine + 8, mine | 2047, mine + 2048, others, others - 24, others + 24,
                           (uintptr_t)&both, MPK_PUBLISHED_BASE, UINTPTR_MAX, 1};
    for (size_t i = 0; i < sizeof guesses / sizeof *guesses; i++) gate_after(guesses[i]);
    pthread_barrier_wait(&both);
    CHECK(pthread_join(thread, NULL) == 0);
}

/* What the kernel put above the first frame, on its page or not, is in no frame. */
static __attribute__((noinline)) void arguments_are_in_no_frame(char **words, uintptr_t of_main) {
    struct mpk_stack stack;
    int token;
    mpk_thread_stack(&stack);
    CHECK(stack.low < of_main && of_main < stack.high && stack.high <= (uintptr_t)words);
    CHECK((uintptr_t)words - stack.high <= 2 * sizeof *words); /* exact: their count lies between */
    mpk_gate_enter(&token, "the arguments' reader");
    CHECK(mpk_gate_host_frame(of_main));
    CHECK(!mpk_gate_host_frame((uintptr_t)words) && !mpk_gate_host_frame((uintptr_t)*words));
    mpk_gate_exit(&token);
}

/* Then nobody can read /proc/self/maps at the first gate. */
static void no_more_files(void) {
    struct rlimit none = {0, 0};
    CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
}

int main(int count, char **words) {
    CHECK(!mpk_gate_is_foreign()); /* also before the start */
    side_changes_no_argument(0);
    CHECK(mpk_gate_function() == NULL);
    host = host_domain();
    if (count > 1) no_more_files();
    secret = mpk_heap_calloc(host, 100, 0);
    CHECK(mpk_domain_rights(host) == MPK_READ_WRITE);
    CHECK(mpk_access_begin() == 0);
    descend(20);
    CHECK(secret[0] == 21 + 40);
    CHECK(mpk_gate_function() == NULL && mpk_domain_rights(host) == MPK_READ_WRITE);
    int token;
    mpk_gate_enter(&token, "outer");
    foreign_frame((uintptr_t)opaque(&token));
    mpk_gate_exit(&token);
    arguments_are_in_no_frame(words, (uintptr_t)opaque(&token));
    for (int i = 0; i < 200; i++) skip_exit(3); /* far more than MPK_GATE_DEPTH in sum */
    descend(20);
    /* A further domain that was open stays closed for foreign code, open after. */
    mpk_domain *domain;
    enum mpk_rights previous;
    CHECK(mpk_domain_create(0, &domain) == 0 && mpk_domain_open(domain, MPK_READ_WRITE, &previous) == 0);
    char *there = mpk_heap_alloc(domain, 10, 0);
    mpk_gate_enter(&token, "with a second domain");
    CHECK(mpk_domain_rights(domain) == mpk_foreign_rights());
    mpk_gate_exit(&token);
    *there = 1;
    CHECK(mpk_domain_rights(domain) == MPK_READ_WRITE);
    CHECK(mpk_domain_close(domain, previous) == 0 && mpk_domain_destroy(domain) == 0);
    forged_guesses();
    puts("ok");
    return 0;
}
