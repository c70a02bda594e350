/* harden_landlock.c - part LANDLOCK: nothing can be opened, made, renamed or executed
 * by name any more, on any thread: above all /proc/self/mem, devices, and files that
 * could be mapped as code. Open descriptors stay what they are.
 *
 * Invariant: the ruleset handles every file system right that this kernel's ABI has
 * and allows none. Landlock is a thread's property and inherited by what it creates,
 * so it is applied on each thread (harden_threads.c).
 *
 * What is tried afterwards must have worked before, or the trial would prove nothing.
 *
 * Source: landlock(7); Documentation/userspace-api/landlock.rst.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "harden.h"

/* How many file system rights each ABI has; ABIs above the last one are superset. */
static const int rights_of_abi[] = {0, 13, 14, 15, 15, 16};
#define ABIS ((long)(sizeof rights_of_abi / sizeof *rights_of_abi))

static const char *const samples[] = {"/proc/self/stat", "/", "/dev/null", "."};
#define SAMPLES (sizeof samples / sizeof *samples)

static long abi_version(void) {
    return syscall(SYS_landlock_create_ruleset, NULL, 0UL, LANDLOCK_CREATE_RULESET_VERSION);
}

/* 0, or errno. By system call: a cancellation point is nothing for a handler. */
static int try_open(const char *path) {
    long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) return errno;
    syscall(SYS_close, fd);
    return 0;
}

static const char *openable(void) {
    for (size_t i = 0; i < SAMPLES; i++)
        if (try_open(samples[i]) == 0) return samples[i];
    return NULL;
}

int _mpk_harden_landlock_check(struct hardening *h) {
    long abi = abi_version();
    int why = errno;
    if (abi < 1)
        return _mpk_harden_refuse(h, MPK_HARDEN_LANDLOCK, "this kernel has no Landlock, or it is switched off (%s); "
                                  "Linux 5.13 or newer with lsm=landlock has", abi < 0 ? strerror(why) : "version 0");
    if (!openable())
        return _mpk_harden_refuse(h, MPK_HARDEN_LANDLOCK, "nothing can be opened as it is (/, /proc, /dev/null), so that "
                                  "its effect could not be seen");
    if (h->task_directory < 0)
        return _mpk_harden_refuse(h, MPK_HARDEN_LANDLOCK, "/proc/self/task cannot be read, so that threads could be missed");
    if (!_mpk_harden_note_main_stack())
        return _mpk_harden_refuse(h, MPK_HARDEN_LANDLOCK, "the first thread's stack is not in /proc/self/maps, and gates on "
                                  "it could not learn it later");
    return _mpk_harden_each_thread(h, MPK_HARDEN_LANDLOCK, HARDEN_PING);
}

int _mpk_harden_landlock_thread(int ruleset) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return errno;
    if (syscall(SYS_landlock_restrict_self, ruleset, 0U)) return errno;
    for (size_t i = 0; i < SAMPLES; i++) {
        int why = try_open(samples[i]);
        if (why == 0) return EPROTO; /* it said yes and did nothing */
    }
    return 0;
}

int _mpk_harden_landlock_apply(struct hardening *h) {
    long abi = abi_version();
    if (abi < 1) return _mpk_harden_refuse(h, MPK_HARDEN_LANDLOCK, "the kernel does not tell its version (%s)", strerror(errno));
    int rights = rights_of_abi[abi < ABIS ? abi : ABIS - 1];
    /* Only this member: a kernel of ABI 1 refuses a longer struct that is not zero. */
    uint64_t handled = (UINT64_C(1) << rights) - 1;
    long ruleset = syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0U);
    if (ruleset < 0)
        return _mpk_harden_refuse(h, MPK_HARDEN_LANDLOCK, "no ruleset can be made (%s)", strerror(errno));
    MPK_RUNTIME->harden_ruleset = (int)ruleset;
    int error = _mpk_harden_each_thread(h, MPK_HARDEN_LANDLOCK, HARDEN_LANDLOCK);
    close((int)ruleset);
    return error;
}
