/* harden_audit.c - part of DEPUTY: descriptors that are open already and would do what
 * the filter refuses to begin.
 *
 * A ring of io_uring keeps the rights of its maker, /proc/PID/mem ignores page rights,
 * userfaultfd fills pages. Whoever holds such a descriptor when hardening begins is
 * told which one it is; closing it is not ours to decide.
 * With secretmem in force, /proc/PID/mem reaches nothing and is let pass.
 *
 * A descriptor is known by its name in /proc/self/fd or, where a file system may be mounted
 * elsewhere or a device have another name, by what it is. One that was passed away over a
 * socket, or a ring registered with another ring, is not seen.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "harden.h"

#define MEMORY_MAJOR 1 /* /dev/mem and /dev/kmem are its minors 1 and 2 */
#define KMEM_MINOR 2
#define KCORE_BITS 30 /* as long as the machine's memory, and no other file of proc is */

struct kind { const char *pattern, *what; bool secret_is_safe; };

static const struct kind kinds[] = {
    {"anon_inode:*io_uring*", "a ring of io_uring", false},
    {"anon_inode:*userfaultfd*", "a userfaultfd", false},
    {"anon_inode:*perf_event*", "a performance counter", false},
    {"/dev/userfaultfd", "a source of userfaultfds", false},
};

static const char *dangerous(const char *name, bool secret) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!(secret && kinds[i].secret_is_safe) && fnmatch(kinds[i].pattern, name, 0) == 0) return kinds[i].what;
    return NULL;
}

static const struct kind process_memory = {"", "a process's memory", true}, kernel_core = {"", "the machine's memory", true},
                         machine_memory = {"", "the machine's memory", false};

/* proc's files have no names that hold wherever it is mounted, but modes that do: only
 * /proc/PID/mem is 0600 there, besides some of /proc/sys, whose names then say so; only kcore
 * is long. */
static const struct kind *kind_by_nature(int fd, const char *name) {
    struct stat what;
    struct statfs where;
    if (fstat(fd, &what) || fstatfs(fd, &where)) return NULL;
    if (S_ISCHR(what.st_mode))
        return major(what.st_rdev) == MEMORY_MAJOR && minor(what.st_rdev) - 1 < KMEM_MINOR ? &machine_memory : NULL;
    if (!S_ISREG(what.st_mode) || where.f_type != PROC_SUPER_MAGIC) return NULL;
    if (what.st_size >> KCORE_BITS) return &kernel_core;
    return (what.st_mode & 0777) == 0600 && fnmatch("*/sys/*", name, 0) ? &process_memory : NULL;
}

static int look_at(struct hardening *h, int directory, const char *number) {
    char name[256];
    ssize_t length = readlinkat(directory, number, name, sizeof name - 1);
    if (length < 0) return 0; /* "..", or closed meanwhile */
    name[length] = 0;
    bool secret = (MPK_RUNTIME->prepared & MPK_HARDEN_SECRETMEM) != 0;
    const char *what = dangerous(name, secret);
    const struct kind *kind = what ? NULL : kind_by_nature(atoi(number), name);
    if (kind && !(secret && kind->secret_is_safe)) what = kind->what;
    if (!what) return 0;
    return _mpk_harden_refuse(h, MPK_HARDEN_DEPUTY, "descriptor %s is %s (%s), which goes around page rights; close it first",
                              number, what, name);
}

int _mpk_harden_audit(struct hardening *h) {
    struct { uint64_t inode; int64_t offset; uint16_t bytes; uint8_t type; char name[]; } *entry;
    _Alignas(8) char buffer[4096];
    int error = 0, directory = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return _mpk_harden_refuse(h, MPK_HARDEN_DEPUTY, "/proc/self/fd cannot be read (%s), so that open descriptors "
                                  "cannot be looked at", strerror(errno));
    for (;;) {
        long bytes = syscall(SYS_getdents64, directory, buffer, sizeof buffer);
        if (bytes <= 0 || error) break;
        for (long at = 0; at < bytes && !error; at += entry->bytes) {
            entry = (void *)(buffer + at);
            error = look_at(h, directory, entry->name);
        }
    }
    close(directory);
    return error;
}
