/* ring.c - see ring.h. */
#include "ring.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ENTRIES 4
#define IDLE_MS 60000 /* the kernel's thread sleeps after this long without work */
#define PAUSE_NS 20000
#define PAUSES_MOST 100000

static void *part(int fd, size_t bytes, off_t offset) {
    return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);
}

int ring_open(struct ring *ring, unsigned flags, const char **refused) {
    struct io_uring_params told = {.flags = flags};
    if (flags & IORING_SETUP_SQPOLL) told.sq_thread_idle = IDLE_MS;
    *refused = "io_uring_setup";
    ring->fd = (int)syscall(SYS_io_uring_setup, ENTRIES, &told);
    if (ring->fd < 0) return -1;
    ring->polled = (flags & IORING_SETUP_SQPOLL) != 0;
    *refused = "mmap";
    char *requests = part(ring->fd, told.sq_off.array + told.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
    char *answers = part(ring->fd, told.cq_off.cqes + told.cq_entries * sizeof *ring->answers, IORING_OFF_CQ_RING);
    ring->requests = part(ring->fd, told.sq_entries * sizeof *ring->requests, IORING_OFF_SQES);
    if (requests == MAP_FAILED || answers == MAP_FAILED || (void *)ring->requests == MAP_FAILED) return -1;
    ring->request_tail = (void *)(requests + told.sq_off.tail);
    ring->request_mask = (void *)(requests + told.sq_off.ring_mask);
    ring->request_flags = (void *)(requests + told.sq_off.flags);
    ring->request_order = (void *)(requests + told.sq_off.array);
    ring->answer_head = (void *)(answers + told.cq_off.head);
    ring->answer_tail = (void *)(answers + told.cq_off.tail);
    ring->answer_mask = (void *)(answers + told.cq_off.ring_mask);
    ring->answers = (void *)(answers + told.cq_off.cqes);
    return 0;
}

static int answered(const struct ring *ring) {
    return __atomic_load_n(ring->answer_tail, __ATOMIC_ACQUIRE) != *ring->answer_head;
}

/* Needs no system call but the pauses, unless the kernel's thread went to sleep. */
static int wait_polled(const struct ring *ring) {
    struct timespec pause = {0, PAUSE_NS};
    for (int i = 0; i < PAUSES_MOST && !answered(ring); i++) {
        if (__atomic_load_n(ring->request_flags, __ATOMIC_SEQ_CST) & IORING_SQ_NEED_WAKEUP)
            syscall(SYS_io_uring_enter, ring->fd, 1, 0, IORING_ENTER_SQ_WAKEUP, NULL, 0);
        nanosleep(&pause, NULL);
    }
    return answered(ring) ? 0 : -ETIME;
}

int ring_run(struct ring *ring, const struct io_uring_sqe *request) {
    unsigned tail = *ring->request_tail, slot = tail & *ring->request_mask;
    ring->requests[slot] = *request;
    ring->request_order[slot] = slot;
    __atomic_store_n(ring->request_tail, tail + 1, __ATOMIC_SEQ_CST);
    if (ring->polled) {
        int error = wait_polled(ring);
        if (error) return error;
    } else if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0) {
        return -errno;
    }
    unsigned head = *ring->answer_head;
    int result = ring->answers[head & *ring->answer_mask].res;
    __atomic_store_n(ring->answer_head, head + 1, __ATOMIC_RELEASE);
    return result;
}
