/* ring.h - io_uring by its three system calls and its shared memory, without liburing.
 *
 * One request at a time. Source: [io_uring(7)].
 */
#ifndef RING_H
#define RING_H

#include <linux/io_uring.h>
#include <stddef.h>

struct ring {
    int fd;
    int polled; /* IORING_SETUP_SQPOLL: the kernel's thread looks for requests by itself */
    unsigned *request_tail, *request_mask, *request_flags, *request_order;
    unsigned *answer_head, *answer_tail, *answer_mask;
    struct io_uring_sqe *requests;
    struct io_uring_cqe *answers;
};

/* flags: IORING_SETUP_*. Returns 0, or -1 with errno; *refused names the call then. */
int ring_open(struct ring *ring, unsigned flags, const char **refused);
/* Hands in one request and waits for its answer: what the kernel says (0 or more), or
 * minus an errno; -ETIME when the kernel's thread does not answer. */
int ring_run(struct ring *ring, const struct io_uring_sqe *request);

#endif
