/* B7: a page that foreign code pins as an io_uring buffer while it may use it, and
 * that holds a secret later: the kernel's pin knows the page, not who owns it now.
 *
 * Source: own trials; [io_uring_register(2)].
 */
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include "attack.h"
#include "pages.h"
#include "ring.h"

static struct ring ring;
static void *page;
static int ends[2], pinned;

static void pin(void) {
    const char *call = NULL;
    struct iovec buffer = {page, PAGE_BYTES};
    TRY("pipe2", pipe2(ends, O_CLOEXEC));
    TRY(call, ring_open(&ring, 0, &call));
    TRY("io_uring_register", syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_BUFFERS, &buffer, 1));
    pinned = 1;
}

/* The bare domain has one gate for all its pages: there the pin is as old as the page. */
static void lend(void) {
    page = pages_lend();
    if (!page) attack_refused("lend", EPERM);
    else if (target.undefended) pin();
}

static void pin_lent(void) {
    if (page && !pinned) pin();
}

static void take_back(void) {
    if (page) (void)pages_take_back(page);
}

static void write_out(void) {
    unsigned char bytes[SECRET_BYTES];
    if (!pinned) return;
    int count = ring_run(&ring, &(struct io_uring_sqe){.opcode = IORING_OP_WRITE_FIXED, .fd = ends[1],
                         .addr = (uintptr_t)page, .len = SECRET_BYTES, .off = (uint64_t)-1});
    if (count < 0) {
        attack_refused("IORING_OP_WRITE_FIXED", -count);
        return;
    }
    attack_hand_in(bytes, (size_t)TRY("read", read(ends[0], bytes, sizeof bytes)));
}

const struct attack attacks[] = {
    {.variant = "pinned", .while_open = lend, .attack = pin_lent, .host = take_back, .again = write_out},
    {0},
};
