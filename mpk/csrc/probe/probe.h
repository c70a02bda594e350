/* probe.h - what the machine can do, tried out, and what the runtime's steps cost.
 *
 * Only the Python extension holds this code: it times a bare WRPKRU, which has
 * no place in a protected program. Nothing here is on any path of the runtime.
 *
 * Attacker: none; a probe runs in a process of its own, before any foreign code.
 */
#ifndef GALEED_MPK_PROBE_H
#define GALEED_MPK_PROBE_H

/* Each member: 1 or more when the trial succeeded (landlock_abi: its version),
 * 0 when the CPU says no, else -errno of the call that was refused. */
struct mpk_probe_features {
    int pku_cpu;         /* CPUID(7,0).ECX bit 3 [SDM 2A CPUID] */
    int pku_enabled;     /* OSPKE: the kernel switched it on */
    int pku_alloc;       /* pkey_alloc gave a key */
    int fsgsbase;        /* user code may read the FS base: AT_HWCAP2 */
    int mseal;           /* a page was sealed, and then refused munmap */
    int memfd_secret;    /* a page out of the kernel's reach was mapped and touched */
    int landlock_abi;
    int seccomp;         /* filters can trap a system call */
    int rseq;            /* the system call exists */
    int rseq_registered; /* and the C library uses it in this thread */
};
void mpk_probe_features(struct mpk_probe_features *out);

enum mpk_probe_cost {
    MPK_PROBE_RDPKRU,
    MPK_PROBE_WRPKRU,
    MPK_PROBE_GETPID,
    MPK_PROBE_MPROTECT,       /* one page, present */
    MPK_PROBE_PKEY_MPROTECT,  /* one page, present, another key each time */
    MPK_PROBE_GATE,           /* mpk_gate_enter and mpk_gate_exit */
    MPK_PROBE_COSTS,
};
/* Nanoseconds of one operation: the median of several runs of many. Negative
 * when this machine or backend cannot do it.
 * pre for MPK_PROBE_GATE: mpk_start() == 0. */
double mpk_probe_cost_ns(enum mpk_probe_cost what);

#endif
