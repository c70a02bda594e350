/* Foreign code that takes its time, and that knows io_uring itself. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Says that it runs, then goes on until it is told. No system call: what comes in between, an interrupt brings. */
void foreign_stay(int *in, const int *out) {
    __atomic_store_n(in, 1, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(out, __ATOMIC_SEQ_CST)) {}
}

void foreign_poke(char *at) { *(volatile char *)at = 0; }

/* A ring of its own: one RECV into the address, not waited for. The ring, or minus an errno. */
int foreign_arm(int socket, unsigned long address, unsigned bytes) {
    struct io_uring_params told = {0};
    int fd = (int)syscall(SYS_io_uring_setup, 4, &told);
    if (fd < 0) return -errno;
    size_t size = told.sq_off.array + told.sq_entries * sizeof(unsigned);
    char *ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQ_RING);
    struct io_uring_sqe *requests =
        mmap(NULL, told.sq_entries * sizeof *requests, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQES);
    if (ring == MAP_FAILED || (void *)requests == MAP_FAILED) return -errno;
    requests[0].opcode = IORING_OP_RECV;
    requests[0].fd = socket;
    requests[0].addr = address;
    requests[0].len = bytes;
    *(unsigned *)(ring + told.sq_off.array) = 0;
    __atomic_store_n((unsigned *)(ring + told.sq_off.tail), 1, __ATOMIC_SEQ_CST);
    return syscall(SYS_io_uring_enter, fd, 1, 0, 0, NULL, 0) == 1 ? fd : -errno;
}
