/* Signal handlers start with every key closed (pku). argv[1]: host: a handler on
 * top of host code uses the heap; callback: one on top of foreign code comes in by
 * mpk_callback_enter; foreign: it does not, which is a violation; c: a handler of
 * C reads what foreign code may read. */
#include "check.h"

static char *object;
static const char *mode;
static volatile int ran;

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
    object = mpk_heap_calloc(host_domain(), 10, 0);
    CHECK(mpk_faults_install() == 0);
    signal(SIGUSR1, handler);
    int token;
    if (strcmp(mode, "host")) mpk_gate_enter(&token, "f");
    for (int i = 0; i < 10; i++) raise(SIGUSR1);
    if (strcmp(mode, "host")) mpk_gate_exit(&token);
    CHECK(ran == 10 && !mpk_gate_is_foreign());
    CHECK(*object == (strcmp(mode, "c") ? 10 : 0));
    puts("ok");
    return 0;
}
