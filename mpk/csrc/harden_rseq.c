/* harden_rseq.c - part RSEQ: no thread has a restartable sequence registered.
 *
 * The C library registers one for each thread, in memory that foreign code can write:
 * an abort handler set there makes the kernel jump, inside a gate too, with rights open
 * (D1). It leaves that out when a tunable says so before the program starts. So a
 * program whose environment asks for rseq executes itself once more, before main.
 *
 * Invariant: it does so only while something is missing in the environment, which is
 * there in the second run: no loop. Not from a shared object (a Python extension):
 * the program around it has long begun; whoever starts that sets the environment.
 *
 * Attacker: none yet.
 *
 * Source: rseq(2), GNU C Library manual, Tunables; [PKU Pitfalls].
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "harden.h"

#define TUNABLES "GLIBC_TUNABLES"
#define RSEQ_OFF "glibc.pthread.rseq=0"
#define TRIAL_BYTES 32 /* the first and least size that the kernel takes */
#define UNREGISTER 1
#define SIGNATURE 0x53053053L

/* Registers one, and takes it back: works only where there is none. */
static bool has_rseq(void) {
    _Alignas(32) char area[TRIAL_BYTES] = {0};
    if (syscall(SYS_rseq, area, (long)TRIAL_BYTES, 0L, SIGNATURE)) return errno != ENOSYS;
    syscall(SYS_rseq, area, (long)TRIAL_BYTES, (long)UNREGISTER, SIGNATURE);
    return false;
}

int _mpk_harden_rseq_check(struct hardening *h) {
    if (!has_rseq()) return 0;
    const char *tunables = getenv(TUNABLES);
    if (tunables && strstr(tunables, RSEQ_OFF))
        return _mpk_harden_refuse(h, MPK_HARDEN_RSEQ, "a restartable sequence is registered although " TUNABLES
                                  " has " RSEQ_OFF "; something else than glibc uses it");
    return _mpk_harden_refuse(h, MPK_HARDEN_RSEQ, "has to be switched off before the program starts: set "
                              "GALEED_HARDEN=rseq (or a level with it) in the environment, or run it by "
                              "python -m mpk.hardening");
}

/* Is this code part of the program, and not of a library that was loaded later? */
static bool in_program(void) {
    extern const char __ehdr_start[] __attribute__((visibility("hidden")));
    unsigned long headers = getauxval(AT_PHDR);
    return headers - (uintptr_t)__ehdr_start < MPK_PAGE_BYTES;
}

static bool add_rseq_off(void) {
    const char *has = getenv(TUNABLES);
    char value[1024];
    if (has && strstr(has, RSEQ_OFF)) return false;
    int length = snprintf(value, sizeof value, "%s%s%s", has ? has : "", has && *has ? ":" : "", RSEQ_OFF);
    return length < (int)sizeof value && setenv(TUNABLES, value, 1) == 0;
}

__attribute__((constructor)) static void execute_again(int count, char **arguments, char **environment) {
    struct mpk_harden_policy policy;
    const char *text = secure_getenv("GALEED_HARDEN");
    (void)environment;
    if (!text || mpk_harden_parse(text, &policy) || !in_program()) return; /* mpk_start tells what is wrong */
    bool changed = (policy.parts & MPK_HARDEN_RSEQ) && has_rseq() && add_rseq_off();
    if (changed && count > 0) execv("/proc/self/exe", arguments);
    /* It did not work: the program starts as it is, and mpk_harden refuses the part. */
}
