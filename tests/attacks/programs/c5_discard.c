/* C5: advice that throws a page's content away. The host finds zeros: counters, locks
 * and keys that foreign code can predict.
 *
 * Source: [madvise(2)], [process_madvise(2)] (on oneself since Linux 6.13).
 */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include "attack.h"

/* Linux 6.13; newer than some C libraries' headers. */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif

static long advise(int advice) { return madvise((void *)target.secret, PAGE_BYTES, advice); }

static void dontneed(void) { TRY("madvise", advise(MADV_DONTNEED)); }

/* Installing discards; removing makes the page usable again, empty. */
static void guard(void) {
    TRY("madvise", advise(MADV_GUARD_INSTALL));
    TRY("madvise", advise(MADV_GUARD_REMOVE));
}

static void by_process(void) {
    struct iovec range = {(void *)target.secret, PAGE_BYTES};
    int fd = (int)TRY("pidfd_open", syscall(SYS_pidfd_open, getpid(), 0));
    TRY("process_madvise", syscall(SYS_process_madvise, fd, &range, 1, MADV_DONTNEED, 0));
}

const struct attack attacks[] = {
    {.variant = "dontneed", .attack = dontneed},
    {.variant = "guard-install", .attack = guard},
    {.variant = "process_madvise", .attack = by_process},
    {0},
};
