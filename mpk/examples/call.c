/* Foreign code on a stack of its own: it cannot reach the host's frames or registers.
 *
 * Built as README.md says under *In C*; run without arguments. */
#include <stdio.h>
#include "mpk.h"
#include "mpk_call.h"

static double half(double x) { return x / 2; }

static int foreign_reads(const int *address) { return *address; }

static void call_foreign(void *address)
{
    struct mpk_call_result result;
    mpk_call(&(struct mpk_call){(uintptr_t)foreign_reads, "foreign_reads", {(uintptr_t)address}, {0}}, &result);
}

static void host(void *unused)
{
    (void)unused;
    int secret = 42; /* on the host's stack, inside the domain */

    struct mpk_call_result result;
    mpk_call(&(struct mpk_call){(uintptr_t)half, "half", {0}, {84.0}}, &result);
    printf("half(84) = %g\n", result.xmm0);

    mpk_set_policy(MPK_ON_VIOLATION_UNWIND);
    printf("a frame of the host: %s\n", mpk_try(call_foreign, &secret) ? "stopped" : "read");
}

int main(void)
{
    int error = mpk_host_stack(0, host, NULL);
    if (error) fprintf(stderr, "mpk_host_stack: %s\n", mpk_strerror(error));
    return error != 0;
}
