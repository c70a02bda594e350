/* A secret in a domain: foreign code that reads it is stopped, and the host goes on.
 *
 * Built as README.md says under *In C*; run without arguments.
 *
 * Gates are written by hand here; galeed-cc puts them around every C function that
 * Rust calls. Attacker: read_byte, which may dereference what it likes. */
#include <stdio.h>
#include <string.h>
#include "mpk.h"

static volatile char seen;

static void read_byte(const char *address) { seen = *address; }

static void call_foreign(void *address)
{
    int token; /* names this gate: an address in the caller's frame */
    mpk_gate_enter(&token, "read_byte");
    read_byte(address);
    mpk_gate_exit(&token);
}

static int fail(const char *step, int error)
{
    fprintf(stderr, "%s: %s\n", step, mpk_strerror(error));
    return 1;
}

int main(void)
{
    mpk_domain *vault;
    enum mpk_rights before;
    int error = mpk_domain_create(0, &vault);
    if (error) return fail("mpk_domain_create", error);

    if ((error = mpk_domain_open(vault, MPK_READ_WRITE, &before))) return fail("mpk_domain_open", error);
    char *secret = mpk_heap_alloc(vault, 32, 0);
    if (!secret) return fail("mpk_heap_alloc", MPK_ENOMEM);
    strcpy(secret, "attack at dawn");

    mpk_set_policy(MPK_ON_VIOLATION_UNWIND); /* default: abort */
    int stopped = mpk_try(call_foreign, secret);
    struct mpk_violation violation;
    if (!stopped || !mpk_last_violation(&violation)) return fail("foreign code read the secret", MPK_OK);
    printf("%s: stopped in %s\n", mpk_backend_name(), violation.function);
    printf("the host still reads: %s\n", secret);

    mpk_heap_free(vault, secret);
    mpk_domain_close(vault, before);
    return mpk_domain_destroy(vault) ? 1 : 0;
}
