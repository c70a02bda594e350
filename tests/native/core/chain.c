/* A fault that is not ours reaches who was there before, as the kernel does it.
 * argv[1]: what the previous disposition is, argv[2]: host, foreign or sent. */
#define _GNU_SOURCE
#include "check.h"

static char *object;

static void report(const char *kind, int number) {
    sigset_t mask;
    char line[128];
    sigprocmask(SIG_BLOCK, NULL, &mask);
    int bytes = snprintf(line, sizeof line, "%s handler: signal %d, usr1 blocked %d, segv blocked %d\n", kind,
                         number, sigismember(&mask, SIGUSR1), sigismember(&mask, SIGSEGV));
    (void)!write(1, line, (size_t)bytes);
}

static void with_info(int number, siginfo_t *info, void *context) {
    CHECK(info->si_signo == number && context);
    report("info", number);
    if (!mpk_gate_is_foreign()) CHECK(*opaque(object) == 42); /* a host's handler reads its heap */
    _exit(info->si_code == SI_TKILL || (uintptr_t)info->si_addr == 16 ? 0 : 1);
}

static void plain(int number) {
    report("plain", number);
    _exit(0);
}

int main(int count, char **arguments) {
    CHECK(count == 3);
    struct sigaction action = {0};
    sigaddset(&action.sa_mask, SIGUSR1);
    if (!strcmp(arguments[1], "info")) {
        action.sa_sigaction = with_info;
        action.sa_flags = SA_SIGINFO | SA_NODEFER;
    } else if (!strcmp(arguments[1], "plain")) {
        action.sa_handler = plain;
    } else {
        action.sa_handler = !strcmp(arguments[1], "ignore") ? SIG_IGN : SIG_DFL;
    }
    CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
    object = mpk_heap_alloc(host_domain(), 10, 0);
    *object = 42;
    CHECK(mpk_faults_install() == 0 && mpk_faults_install() == 0);
    int token;
    if (!strcmp(arguments[2], "foreign")) mpk_gate_enter(&token, "f");
    if (!strcmp(arguments[2], "sent")) raise(SIGSEGV);
    else *opaque((void *)16) = 1;
    puts("went on");
    return 0;
}
