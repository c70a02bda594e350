/* harden_secret.c - part SECRETMEM: domains and published range on memory that the
 * kernel itself has no mapping of, so that nothing that goes through the kernel's view
 * (process_vm_*, /proc/PID/mem, ptrace, pinned pages, vmsplice) reaches it.
 *
 * Invariant: no descriptor of such memory is open when foreign code runs; it could be
 * mapped a second time, under key 0. So each piece has a memfd of its own that is
 * closed at once, and a domain gets all it may ever have when it is made
 * (GALEED_HARDEN_MEMORY). A domain that is made while foreign code runs on
 * another thread is exposed for that moment.
 *
 * Such memory is MAP_SHARED: a fork's child would write into its parent's heap. It is
 * left out of children from the first moment (MADV_DONTFORK).
 * It counts as locked (RLIMIT_MEMLOCK) by its size, and takes pages as they are touched;
 * pages once touched are never given back.
 *
 * Source: memfd_secret(2).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include "harden.h"

#define TABLE_SHARE 1024 /* the heap's map has a word for each page that a domain may have */

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447 /* Linux 5.14 */
#endif

static int map_over(uintptr_t address, size_t bytes, int prot, int flags, int fd) {
    return mmap((void *)address, bytes, prot, flags | MAP_FIXED, fd, 0) == MAP_FAILED ? errno : 0;
}

int _mpk_secret_map(uintptr_t address, size_t bytes, int prot) {
    int fd = (int)syscall(SYS_memfd_secret, 0UL), error = 0;
    if (fd < 0) return errno;
    if (ftruncate(fd, (off_t)bytes)) error = errno;
    else error = map_over(address, bytes, prot, MAP_SHARED, fd);
    close(fd);
    if (!error && (madvise((void *)address, bytes, MADV_DONTFORK) || madvise((void *)address, bytes, MADV_DONTDUMP)))
        error = errno;
    /* A mapping that the kernel refused has pushed the reservation out all the same. */
    if (error && map_over(address, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1))
        _mpk_fatal("a reserved range was lost while secret memory was mapped (errno %d)", errno);
    return error;
}

size_t _mpk_harden_domain_bytes(size_t reserved) {
    size_t most = MPK_RUNTIME->harden_bytes + reserved / TABLE_SHARE;
    most = (most + MPK_PAGE_BYTES - 1) & ~(size_t)(MPK_PAGE_BYTES - 1);
    return most < reserved ? most : reserved;
}

int _mpk_secret_prepare(void) {
    size_t host = _mpk_harden_domain_bytes((size_t)1 << MPK_HOST_SHIFT);
    void *place = mmap(NULL, host, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (place == MAP_FAILED) return errno;
    int why = _mpk_secret_map(MPK_PUBLISHED_BASE, MPK_PUBLISHED_BYTES, PROT_READ | PROT_WRITE);
    if (!why && (why = _mpk_secret_map((uintptr_t)place, host, PROT_NONE))) /* no room for the host domain later */
        (void)map_over(MPK_PUBLISHED_BASE, MPK_PUBLISHED_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    munmap(place, host);
    return why;
}

int _mpk_secret_explain(int why) {
    struct rlimit limit = {0, 0};
    if (why == ENOSYS)
        return _mpk_explain(MPK_EHARDEN, "secretmem: this kernel has no memfd_secret (Linux 6.5 or newer has; 5.14 or newer "
                            "with secretmem.enable=1 on its command line)");
    if (why != EAGAIN && why != ENOMEM && why != EPERM)
        return _mpk_explain(MPK_EHARDEN, "secretmem: memfd_secret is refused (%s)", strerror(why));
    getrlimit(RLIMIT_MEMLOCK, &limit);
    return _mpk_explain(MPK_EHARDEN, "secretmem: it counts as locked memory, and the limit is %llu KiB: raise it (ulimit -l) "
                        "to %u MiB for the runtime and GALEED_HARDEN_MEMORY for each domain, or ask for less by that",
                        (unsigned long long)limit.rlim_cur >> 10, MPK_PUBLISHED_BYTES >> 20);
}

/* Memory that the kernel can read by address must be readable, or the trial says nothing.
 * Not a variable here: a host stack (mpk_host_stack) is secret itself. */
int _mpk_harden_secret_check(struct hardening *h) {
    static const uint64_t readable = 1;
    uint64_t copy = 0;
    struct iovec to = {&copy, sizeof copy}, control = {(void *)&readable, sizeof readable};
    struct iovec ours = {(void *)MPK_PUBLISHED_BASE, sizeof copy};
    if (h->in_force & MPK_HARDEN_DEPUTY) return 0; /* it refuses the trial; start-up saw the mapping made */
    if (process_vm_readv(getpid(), &to, 1, &control, 1, 0) != (ssize_t)sizeof copy)
        return _mpk_harden_refuse(h, MPK_HARDEN_SECRETMEM, "its effect cannot be seen, because process_vm_readv is refused "
                                  "(%s); make it optional", strerror(errno));
    if (process_vm_readv(getpid(), &to, 1, &ours, 1, 0) >= 0)
        return _mpk_harden_refuse(h, MPK_HARDEN_SECRETMEM, "the kernel can read memory that it should not (a system call "
                                  "filter that was installed earlier?)");
    return 0;
}
