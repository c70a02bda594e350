/* policy.c - see policy.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "evidence.h"
#include "mpk.h"
#include "mpk_call.h"
#include "mpk_harden.h"
#include "naive.h"
#include "policy.h"

#define EXIT_TROUBLE 2
#define HOST_STACK_BYTES (4u << 20)
#define FRESH_BYTES (128u << 20) /* more than the domain has committed ahead */

const char *policy_names[POLICIES] = {"undefended", "gates", "basic", "strict", "full", NULL};

void trouble(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(evidence->trouble, sizeof evidence->trouble, format, arguments);
    va_end(arguments);
    _exit(EXIT_TROUBLE);
}

/* Trouble, unless an attack that came first is what the runtime stumbled over. */
static _Noreturn void no_start(const char *call, int error) {
    if (!target.before_start) trouble("%s: %s", call, mpk_strerror(error));
    evidence->start_error = error;
    _exit(EXIT_TROUBLE);
}

int policy_backend_is_pku(void) {
    const char *backend = getenv("GALEED_BACKEND");
    if (backend && !strcmp(backend, "pku")) return 1;
    if (backend && !strcmp(backend, "mprotect")) return 0;
    trouble("GALEED_BACKEND must be pku or mprotect");
}

void policy_start(enum policy policy) {
    if (policy == POLICY_UNDEFENDED) return;
    int error = mpk_start();
    if (error) no_start("mpk_start", error);
}

void policy_domain(enum policy policy) {
    if (policy == POLICY_UNDEFENDED) {
        if (naive_domain(policy_backend_is_pku())) trouble("no bare domain: %s", strerror(errno));
    } else {
        int error;
        mpk_domain *host = mpk_host(&error);
        if (!host) no_start("mpk_host", error);
        mpk_domain_range(host, &target.base, &target.bytes);
        target.pku = mpk_backend() == MPK_BACKEND_PKU;
        target.key = mpk_domain_key(host);
        target.secret = policy_new_page(policy, 0);
    }
    evidence->key = target.key;
    evidence->page = (uintptr_t)target.secret;
}

volatile unsigned char *policy_new_page(enum policy policy, int fresh) {
    if (policy == POLICY_UNDEFENDED) return naive_new_page();
    size_t bytes = fresh ? FRESH_BYTES : PAGE_BYTES;
    unsigned char *pages = mpk_heap_alloc(mpk_host(NULL), bytes, PAGE_BYTES);
    if (!pages) trouble("mpk_heap_alloc gave no page");
    /* The last one: the first may lie in what was committed ahead. */
    return memset(pages + bytes - PAGE_BYTES, 0, PAGE_BYTES);
}

/* What a level may do without: what gates that are system calls rule out (reported, and
 * in the threat model), and what must be prepared by a build that has it. */
static uint32_t optional_parts(void) {
    uint32_t parts = MPK_HARDEN_SECRETMEM;
    if (!target.pku) parts |= MPK_HARDEN_SEAL | MPK_HARDEN_SIGNALS;
    return parts;
}

void policy_harden(enum policy policy) {
    struct mpk_harden_policy wanted;
    struct mpk_harden_report report;
    if (policy <= POLICY_GATES) return;
    if (mpk_harden_parse(policy_names[policy], &wanted)) trouble("no hardening level %s", policy_names[policy]);
    wanted.optional = wanted.parts & optional_parts();
    int error = mpk_harden(&wanted, &report);
    if (!error) return;
    if (!report.failed) trouble("mpk_harden: %s", mpk_strerror(error));
    /* It found something that it cannot defend against: no foreign code is run. */
    const char *part = mpk_harden_part_name(report.failed);
    snprintf(evidence->harden_refused, sizeof evidence->harden_refused, "%s", part ? part : "several");
    fprintf(stderr, "%s\n", report.reason);
    _exit(EXIT_TROUBLE);
}

void policy_call(enum policy policy, void (*function)(void)) {
    if (policy == POLICY_UNDEFENDED) {
        naive_enter();
        function();
        naive_exit();
    } else if (policy == POLICY_FULL) {
        struct mpk_call call = {.function = (uintptr_t)function, .name = "attack"};
        struct mpk_call_result result;
        mpk_call(&call, &result);
    } else {
        int token;
        mpk_gate_enter(&token, "attack");
        function();
        mpk_gate_exit(&token);
    }
}

void policy_host(enum policy policy, void (*body)(void *), void *argument) {
    int error = 0;
    if (policy == POLICY_FULL) error = mpk_host_stack(HOST_STACK_BYTES, body, argument);
    else body(argument);
    if (error) no_start("mpk_host_stack", error);
}
