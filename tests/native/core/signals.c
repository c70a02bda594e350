/* Signal handlers start with every key closed (pku). argv[1]: host: a handler on
 * top of host code uses the heap; early: the same before any gate, where only the
 * host's own handlers of faults are there to be followed; callback: one on top of foreign code comes in by
 * mpk_callback_enter; foreign: it does not, which is a violation; c: a handler of
 * C reads what foreign code may read. */
#include <stdbool.h>
#include "check.h"

static char *object;
static const char *mode;
static volatile int ran;

static void on_fault(int number) {
    static const char words[] = "a fault that was not the host's\n";
    (void)number;
    (void)!write(STDERR_FILENO, words, sizeof words - 1);
    _exit(1);
}

static void handler(int number) {
    int token;
    (void)number;
    if (!strcmp(mode, "callback")) mpk_callback_enter(&token);
    if (!strcmp(mode, "c")) {
        CHECK(*opaque((void *)MPK_PUBLISHED_BASE) != 0); /* the first byte of the magic */
        CHECK(mpk_gate_is_foreign());
    } else {
        (*opaque(object))++;
        mpk_heap_free(host_domain(), mpk_heap_alloc(host_domain(), 100, 0));
        CHECK(!mpk_gate_is_foreign());
    }
    if (!strcmp(mode, "callback")) mpk_callback_exit(&token);
    ran++;
}

int main(int count, char **arguments) {
    CHECK(count == 2);
    mode = arguments[1];
    bool early = !strcmp(mode, "early");
    object = mpk_heap_calloc(host_domain(), 10, 0);
    if (early) {
        signal(SIGSEGV, on_fault);
        signal(SIGBUS, on_fault);
        CHECK(mpk_heap_alloc(host_domain(), 3000, 0)); /* the next new kind of block */
    } else {
        CHECK(mpk_faults_install() == 0);
    }
    signal(SIGUSR1, handler);
    bool inside = !early && strcmp(mode, "host");
    int token;
    if (inside) mpk_gate_enter(&token, "f");
    for (int i = 0; i < 10; i++) raise(SIGUSR1);
    if (inside) mpk_gate_exit(&token);
    CHECK(ran == 10 && !mpk_gate_is_foreign());
    CHECK(*object == (strcmp(mode, "c") ? 10 : 0));
    puts("ok");
    return 0;
}
