/* features.c - features of CPU and kernel by trial, never by version number.
 *
 * Invariant: the trials leave the process as it was, except for one sealed page
 * (sealing cannot be undone).
 * Attacker: none (see probe.h).
 * Sources: [SDM 2A CPUID], [pkeys(7)], and the manual pages of each call.
 */
#define _GNU_SOURCE
#include "probe.h"

#include <cpuid.h>
#include <errno.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mpk.h"

#ifndef SYS_mseal
#define SYS_mseal 462 /* Linux 6.10; older C library headers lack the name */
#endif

#define HWCAP2_FSGSBASE_BIT (1UL << 1)
#define CPUID_7_ECX_PKU (1U << 3)
#define CPUID_7_ECX_OSPKE (1U << 4)

/* glibc's, since 2.35; 0 when it did not register. Weak: absent elsewhere. */
extern const unsigned int __rseq_size __attribute__((weak));

static int outcome(long result) {
    return result >= 0 ? 1 : -errno;
}

static int try_pkey_alloc(void) {
    int key = pkey_alloc(0, 0);
    if (key < 0)
        return -errno;
    pkey_free(key); /* no page carries it */
    return 1;
}

static void *fresh_page(void) {
    void *page = mmap(NULL, MPK_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? NULL : page;
}

static int try_mseal(void) {
    void *page = fresh_page();
    if (!page)
        return -errno;
    int result = outcome(syscall(SYS_mseal, page, (size_t)MPK_PAGE_BYTES, 0UL));
    if (munmap(page, MPK_PAGE_BYTES) == 0 && result == 1)
        return -EOPNOTSUPP; /* the call succeeded and sealed nothing */
    return result;
}

static int try_memfd_secret(void) {
    int fd = (int)syscall(SYS_memfd_secret, 0U);
    if (fd < 0)
        return -errno;
    int result = outcome(ftruncate(fd, MPK_PAGE_BYTES));
    if (result == 1) {
        volatile char *page = mmap(NULL, MPK_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (page == MAP_FAILED) {
            result = -errno;
        } else {
            page[0] = 1;
            munmap((void *)page, MPK_PAGE_BYTES);
        }
    }
    close(fd);
    return result;
}

static int try_landlock(void) {
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0UL, LANDLOCK_CREATE_RULESET_VERSION);
    return abi >= 0 ? (int)abi : -errno;
}

static int try_seccomp(void) {
    unsigned int action = SECCOMP_RET_TRAP;
    return outcome(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0U, &action));
}

/* No argument is valid: a kernel that has the call says EINVAL, EFAULT or EPERM. */
static int try_rseq(void) {
    if (syscall(SYS_rseq, NULL, 0U, 0, 0U) < 0 && errno == ENOSYS)
        return -ENOSYS;
    return 1;
}

void mpk_probe_features(struct mpk_probe_features *out) {
    unsigned int eax = 0, ebx = 0, ecx = 0, edx = 0;
    __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx);
    out->pku_cpu = (ecx & CPUID_7_ECX_PKU) != 0;
    out->pku_enabled = (ecx & CPUID_7_ECX_OSPKE) != 0;
    out->pku_alloc = try_pkey_alloc();
    out->fsgsbase = (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE_BIT) != 0;
    out->mseal = try_mseal();
    out->memfd_secret = try_memfd_secret();
    out->landlock_abi = try_landlock();
    out->seccomp = try_seccomp();
    out->rseq = try_rseq();
    out->rseq_registered = &__rseq_size != NULL && __rseq_size > 0;
}
