/* Misuse that must end the process with one clear line. argv[1]: which. */
#include "check.h"
#include "internal.h"

static void deep(int depth) {
    int token, callback_token;
    mpk_gate_enter(&token, "deep");
    mpk_callback_enter(&callback_token);
    if (depth < 1000) deep(depth + 1);
    (void)*opaque(&callback_token);
}

static void nothing(void *argument) { (void)argument; }

int main(int count, char **arguments) {
    CHECK(count == 2);
    const char *what = arguments[1];
    int token, other;
    mpk_domain *host = host_domain();
    if (!strcmp(what, "exit-without-gate")) mpk_gate_exit(&token);
    if (!strcmp(what, "deep")) deep(0);
    if (!strcmp(what, "no-such-policy")) mpk_set_policy((enum mpk_policy)99);
    mpk_gate_enter(&token, "f");
    if (!strcmp(what, "wrong-token")) mpk_gate_exit(&other);
    if (!strcmp(what, "enter-in-foreign")) mpk_gate_enter(&other, "g");
    if (!strcmp(what, "open-in-foreign")) mpk_domain_open(host, MPK_READ_WRITE, NULL);
    if (!strcmp(what, "create-in-foreign")) mpk_domain_create(0, &host);
    if (!strcmp(what, "private-in-foreign")) mpk_domain_private(host, MPK_PAGE_BYTES);
    if (!strcmp(what, "share-in-foreign")) _mpk_domain_share(host, MPK_HOST_BASE, MPK_PAGE_BYTES);
    if (!strcmp(what, "end-in-foreign")) mpk_access_end(1);
    if (!strcmp(what, "try-in-foreign")) mpk_try(nothing, NULL);
    if (!strcmp(what, "callback-exit-in-foreign")) mpk_callback_exit(&other);
    if (!strcmp(what, "exit-inside-callback")) {
        mpk_callback_enter(&other);
        mpk_gate_exit(&token);
    }
    puts("survived");
    return 0;
}
