/* More groups than keys, several threads, and mpk_harden in between. argv[1]: the policy,
 * as mpk_harden_parse takes it. On a host stack, for the part that needs one.
 *
 * Before the policy everything works. After it, what is refused is refused by its error,
 * and leaves rights and memory as they were. */
#include "keys.h"
#include "mpk_call.h"
#include "mpk_harden.h"

#define GROUPS 40
#define THREADS 4
#define TURNS (20 * GROUPS)

static char *base[GROUPS];
static _Atomic int begun[GROUPS], refused;
static pthread_barrier_t stage;
static const char *policy_text;

/* Each thread has a byte of its own in each group. */
static void take_turns(size_t mine, int refusal) {
    for (int i = 0; i < TURNS; i++) {
        int group = i % GROUPS, error = mpk_begin(1 + group, RW);
        if (error) {
            if (error != refusal && error != MPK_EPINNED) fprintf(stderr, "begin: %s\n", mpk_strerror(error));
            CHECK(error == refusal || error == MPK_EPINNED);
            refused++;
            continue;
        }
        char before = opaque(base[group])[mine];
        opaque(base[group])[mine] = (char)(before + 1);
        CHECK(opaque(base[group])[mine] == (char)(before + 1) && mpk_end(1 + group) == 0);
        begun[group]++;
    }
}

static void *work(void *number) {
    take_turns((size_t)(uintptr_t)number, 0);
    pthread_barrier_wait(&stage); /* all groups were begun */
    pthread_barrier_wait(&stage); /* the policy is in force */
    take_turns((size_t)(uintptr_t)number, MPK_EHARDEN);
    return NULL;
}

static uint32_t harden(void) {
    struct mpk_harden_policy policy;
    struct mpk_harden_report report;
    CHECK(mpk_harden_parse(policy_text, &policy) == 0);
    int error = mpk_harden(&policy, &report);
    if (error) fprintf(stderr, "%s\n", report.reason);
    CHECK(error == 0);
    return report.applied;
}

/* From here on no group gets another key; with SYSCALLS no page changes at all. */
static void settled(uint32_t resident, bool pages_too) {
    uint32_t worked = 0;
    for (int i = 0; i < GROUPS; i++) {
        CHECK(begun[i] == 0 || begun[i] == THREADS * TURNS / GROUPS);
        worked += begun[i] != 0;
        if (begun[i]) continue;
        CHECK(mpk_begin(1 + i, RW) == MPK_EHARDEN && mpk_end(1 + i) == MPK_EINVALID && rights_on(base[i]) == 0);
        CHECK(mpk_mprotect(1 + i, PROT_READ) == MPK_EHARDEN && rights_on(base[i]) == 0);
    }
    CHECK(worked == resident && resident >= 8 && refused > 0 && stats().resident == resident);
    if (!pages_too) return;
    CHECK(mpk_mmap(1000, NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    CHECK(*mpk_keys_error() == MPK_EHARDEN);
}

static void body(void *unused) {
    pthread_t threads[THREADS];
    (void)unused;
    for (int i = 0; i < GROUPS; i++) base[i] = group_of(1 + i, 1, RW);
    CHECK(pthread_barrier_init(&stage, NULL, THREADS + 1) == 0);
    for (uintptr_t i = 0; i < THREADS; i++) start(&threads[i], work, (void *)i);
    pthread_barrier_wait(&stage);
    for (int i = 0; i < GROUPS; i++) {
        CHECK(begun[i] > 0);
        begun[i] = 0;
    }
    refused = 0;
    CHECK(stats().pinned == 0);
    uint32_t resident = stats().resident, applied = harden();
    pthread_barrier_wait(&stage);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(stats().pinned == 0);
    bool pages_too = applied & MPK_HARDEN_SYSCALLS;
    if (is_pku() && (pages_too || applied & (MPK_HARDEN_SIGNALS | MPK_HARDEN_LANDLOCK))) settled(resident, pages_too);
    else for (int i = 0; i < GROUPS; i++) CHECK(begun[i] > 0);
    int last = GROUPS - 1;
    while (!begun[last]) last--;
    CHECK(rights_on(base[last]) == 0 && mpk_begin(1 + last, PROT_READ) == 0 && rights_on(base[last]) == 1);
    if (mpk_mprotect(1 + last, RW) == 0) CHECK(mpk_mprotect(1 + last, PROT_NONE) == 0 || is_pku());
    CHECK(rights_on(base[last]) == 1 && mpk_end(1 + last) == 0);
    CHECK(mpk_munmap(1 + last) == 0 && mpk_begin(1 + last, RW) == MPK_EVKEY);
    printf("%d begins refused\nok\n", refused);
}

int main(int count, char **words) {
    CHECK(count == 2);
    policy_text = words[1];
    CHECK(mpk_init(-1) == 0 && mpk_host_stack(0, body, NULL) == 0);
    return 0;
}
