/* D6: a thread that is older than the policy and asks the kernel to open the domain. A
 * filter without TSYNC binds only the thread that installed it and those made later.
 *
 * Source: seccomp(2), SECCOMP_FILTER_FLAG_TSYNC.
 */
#include <sys/mman.h>
#include "attack.h"

static void ask_the_kernel(void) {
    if (target.pku) TRY("pkey_mprotect", pkey_mprotect((void *)target.secret, PAGE_BYTES, PROT_READ | PROT_WRITE, 0));
    else TRY("mprotect", mprotect((void *)target.secret, PAGE_BYTES, PROT_READ | PROT_WRITE));
    attack_read();
}

const struct attack attacks[] = {
    {.variant = "older-thread", .attack = ask_the_kernel, .flags = ATTACK_EARLY_THREAD},
    {0},
};
