/* Applies policies and tries things, in the order of its arguments: --POLICY, TRIAL,
 * @TRIAL (on a thread that thread:free or thread:blocked started before),
 * refuse:NUMBER=ERRNO (a system call filter from outside).
 *
 * Prints each report as one line, and a line for each trial: its name and how it
 * ended: "ok", or the error's name. Trials that end the process are judged by the
 * Python side.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include "../core/check.h"
#include "mpk_harden.h"

static mpk_domain *host, *other;
static char *secret; /* one page of the host's heap */

static long result_of(long value) { return value < 0 ? errno : 0; }
static long result_of_pointer(void *value) { return value == MAP_FAILED ? errno : 0; }

static pthread_barrier_t begin, end; /* between this thread and an older one */

/* ---- Trials. 0, an errno, or -1: it went through and did not do what it should. -- */

static long open_root(void) { return result_of(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)); }
static long open_mem(void) { return result_of(open("/proc/self/mem", O_RDWR | O_CLOEXEC)); }
static long exec_true(void) {
    char *const arguments[] = {"true", NULL};
    return result_of(execv("/bin/true", arguments));
}
static long spawn_true(void) {
    char *const arguments[] = {"true", NULL};
    pid_t child;
    int status = -1, error = posix_spawn(&child, "/bin/true", NULL, NULL, arguments, NULL);
    if (error) return error;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
static long load_library(void) { return dlopen("libm.so.6", RTLD_NOW | RTLD_NOLOAD) ? 0 : dlopen("libresolv.so.2", RTLD_NOW) ? 0 : -1; }
static long map_executable(void) {
    return result_of_pointer(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}
static long map_over_host(void) {
    return result_of_pointer(mmap((void *)(MPK_HOST_BASE + (1ul << 35)), 4096, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
}
static long map_into_host_from_below(void) {
    return result_of_pointer(mmap((void *)(MPK_HOST_BASE - 8192), 12288, PROT_READ,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
}
static long map_below_host(void) {
    return result_of_pointer(mmap((void *)(MPK_HOST_BASE - 8192), 8192, PROT_READ,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
}
static long map_above_published(void) {
    return result_of_pointer(mmap((void *)(uintptr_t)(MPK_PUBLISHED_BASE + MPK_PUBLISHED_BYTES), 4096, PROT_READ,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
}
static long unmap_other(void) {
    uintptr_t base;
    size_t bytes;
    mpk_domain_range(other, &base, &bytes);
    return result_of(munmap((void *)(base + bytes - 4096), 4096));
}
static long protect_secret(void) { return result_of(mprotect(secret, 4096, PROT_READ | PROT_WRITE)); }
static long key_zero(void) { return result_of(syscall(SYS_pkey_mprotect, secret, 4096L, (long)PROT_READ, 0L)); }
static long key_alloc(void) { return result_of(syscall(SYS_pkey_alloc, 0L, 0L)); }
static long move_secret(void) { return result_of_pointer(mremap(secret, 4096, 8192, MREMAP_MAYMOVE)); }
static long discard_secret(void) { return result_of(madvise(secret, 4096, MADV_DONTNEED)); }
static long dump_secret(void) { return result_of(madvise(secret, 4096, MADV_DODUMP)); }
static long read_own(void) {
    char byte;
    struct iovec to = {&byte, 1}, from = {secret, 1};
    return result_of(process_vm_readv(getpid(), &to, 1, &from, 1, 0));
}
static long trace(void) { return result_of(ptrace(PTRACE_TRACEME, 0, 0, 0)); }
static long ring(void) { return result_of(syscall(SYS_io_uring_setup, 0, NULL)); }
static long memfd(void) { return result_of(syscall(SYS_memfd_create, "x", 0L)); }
static long dumpable(void) { return result_of(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)); }
static long is_dumpable(void) { return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) ? -1 : 0; }
static long core_limit(void) {
    struct rlimit limit = {1, 1};
    return getrlimit(RLIMIT_CORE, &limit) || limit.rlim_max ? -1 : 0;
}
static long name_thread(void) { return result_of(prctl(PR_SET_NAME, "renamed", 0, 0, 0)); }
static long set_fs(void) { return result_of(syscall(SYS_arch_prctl, 0x1002L, 0L)); }
static long new_call(void) { return result_of(syscall(600)); }
static long rseq(void) { return result_of(syscall(SYS_rseq, NULL, 0L, 99L, 0L)); }
static void nothing(int signal_number) { (void)signal_number; }
static long handle_signal(void) { return signal(SIGUSR1, nothing) == SIG_ERR ? errno : 0; }
static long return_from_signal(void) { return raise(SIGUSR2); }
static long int80(void) {
    long number = 20;
    __asm__ volatile("int $0x80" : "+a"(number) : : "memory", "r8", "r9", "r10", "r11");
    return number < 0 ? -number : 0;
}
static long x32(void) { return result_of(syscall(0x40000000L + SYS_getpid)); }
static void *thread_body(void *argument) { return argument; }
static long start_thread(void) {
    pthread_t thread;
    int error = pthread_create(&thread, NULL, thread_body, NULL);
    return error ? error : pthread_join(thread, NULL);
}
static long use_heap(void) {
    unsigned char *block = mpk_heap_alloc(host, 100000, 0);
    if (!block) return ENOMEM;
    memset(block, 7, 100000);
    int right = block[99999] == 7;
    mpk_heap_free(host, block);
    return right ? mpk_heap_check(host) : -1;
}
/* Up to what is there, then a clear NULL; freed, it can be had again. */
static long fill_heap(void) {
    static void *blocks[4096];
    size_t count = 0;
    while (count < 4096 && (blocks[count] = mpk_heap_alloc(host, 1 << 20, 0))) memset(blocks[count++], 1, 4096);
    printf("blocks: %zu\n", count);
    for (size_t i = 0; i < count; i++) mpk_heap_free(host, blocks[i]);
    return use_heap();
}
static long share_pages(void) {
    void *pages = mpk_heap_alloc(host, 8192, 0);
    int error = mpk_heap_share(host, (uintptr_t)pages);
    mpk_heap_free(host, pages);
    return -error;
}
static long new_domain(void) {
    mpk_domain *domain;
    return -mpk_domain_create(0, &domain);
}
static long end_domain(void) { return -mpk_domain_destroy(other); }
static long cross_gate(void) {
    char token;
    mpk_gate_enter(&token, "foreign");
    int foreign = mpk_gate_is_foreign();
    mpk_gate_exit(&token);
    return foreign && *opaque(secret) == 's' ? 0 : -1;
}
static long touch_closed(void) {
    char token;
    mpk_gate_enter(&token, "foreign");
    return *opaque(secret);
}
static long touch_nothing(void) { return *opaque(NULL); }
static long fork_and_exit(void) {
    int status = -1;
    pid_t child = fork();
    if (child == 0) _exit(mpk_harden_orphan() ? 40 : *opaque(secret) == 's' ? 41 : 42);
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
static long fork_and_touch(void) {
    int status = -1;
    pid_t child = fork();
    if (child == 0) _exit(*opaque(secret) == 's' ? 41 : 42);
    if (waitpid(child, &status, 0) != child) return errno;
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Another thread forks while this one hardens, which waits for that thread in vain; its
 * child hardens itself. */
static void *forker(void *result) {
    struct mpk_harden_policy policy = {.parts = MPK_HARDEN_DUMP};
    struct mpk_harden_report report;
    sigset_t signals;
    int status = -1;
    sigfillset(&signals);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    pthread_barrier_wait(&begin);
    usleep(500000);
    pid_t child = fork();
    if (child == 0) {
        pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
        alarm(20);
        _exit(mpk_harden(&policy, &report) != 0);
    }
    *(long *)result = waitpid(child, &status, 0) == child && status == 0 ? 0 : -1;
    return NULL;
}
static long fork_while_hardening(void) {
    struct mpk_harden_policy policy = {.parts = MPK_HARDEN_LANDLOCK};
    struct mpk_harden_report report;
    pthread_t thread;
    long result = -1;
    CHECK(!pthread_barrier_init(&begin, NULL, 2) && !pthread_create(&thread, NULL, forker, &result));
    pthread_barrier_wait(&begin);
    (void)mpk_harden(&policy, &report); /* in force when the thread ends before patience does */
    CHECK(!pthread_join(thread, NULL));
    return result;
}

static const struct { const char *name; long (*body)(void); } trials[] = {
#define TRIAL(name) {#name, name}
    TRIAL(open_root), TRIAL(open_mem), TRIAL(exec_true), TRIAL(spawn_true), TRIAL(load_library), TRIAL(map_executable),
    TRIAL(map_over_host), TRIAL(map_into_host_from_below), TRIAL(map_below_host), TRIAL(map_above_published),
    TRIAL(unmap_other), TRIAL(protect_secret), TRIAL(key_zero), TRIAL(key_alloc), TRIAL(move_secret),
    TRIAL(discard_secret), TRIAL(dump_secret), TRIAL(read_own), TRIAL(trace), TRIAL(ring), TRIAL(memfd),
    TRIAL(dumpable), TRIAL(is_dumpable), TRIAL(core_limit), TRIAL(name_thread), TRIAL(set_fs), TRIAL(new_call),
    TRIAL(rseq), TRIAL(handle_signal), TRIAL(return_from_signal), TRIAL(int80), TRIAL(x32), TRIAL(start_thread),
    TRIAL(use_heap), TRIAL(fill_heap), TRIAL(share_pages), TRIAL(new_domain), TRIAL(end_domain), TRIAL(cross_gate),
    TRIAL(touch_closed), TRIAL(touch_nothing), TRIAL(fork_and_exit), TRIAL(fork_and_touch),
    TRIAL(fork_while_hardening),
};

static void try_one(const char *name) {
    for (size_t i = 0; i < sizeof trials / sizeof *trials; i++) {
        if (strcmp(trials[i].name, name)) continue;
        errno = 0;
        long result = trials[i].body();
        const char *error = result > 0 && result < 1000 ? strerrorname_np((int)result) : NULL;
        if (error) printf("%s: %s\n", name, error);
        else if (result) printf("%s: %ld\n", name, result);
        else printf("%s: ok\n", name);
        fflush(stdout);
        return;
    }
    fprintf(stderr, "no trial is called %s\n", name);
    _exit(2);
}

static void print_parts(const char *what, uint32_t parts) {
    printf("%s=", what);
    for (uint32_t part = 1, any = 0; part < MPK_HARDEN_ALL; part <<= 1)
        if (parts & part) printf("%s%s", any++ ? "," : "", mpk_harden_part_name(part));
    printf(" ");
}

static int harden(const char *text) {
    struct mpk_harden_policy policy;
    struct mpk_harden_report report;
    CHECK(mpk_harden_parse(text, &policy) == 0);
    int error = mpk_harden(&policy, &report);
    CHECK(report.applied == mpk_hardened());
    CHECK(!strchr(report.reason, '\n'));
    print_parts("applied", report.applied);
    print_parts("missing", report.missing);
    print_parts("failed", report.failed);
    printf("error=%d reason=%s\n", error, report.reason);
    fflush(stdout);
    return error;
}

/* A thread that is older than the hardening, and does one trial at a time. */
static const char *order;

static void *older_thread(void *blocked) {
    sigset_t all;
    sigfillset(&all);
    if (blocked) pthread_sigmask(SIG_BLOCK, &all, NULL);
    pthread_barrier_wait(&begin); /* it is as it should be found */
    for (;;) {
        pthread_barrier_wait(&begin);
        try_one(order);
        pthread_barrier_wait(&end);
    }
    return NULL;
}

static void start_older_thread(const char *how) {
    pthread_t thread;
    CHECK(!pthread_barrier_init(&begin, NULL, 2) && !pthread_barrier_init(&end, NULL, 2));
    CHECK(!pthread_create(&thread, NULL, older_thread, strcmp(how, "blocked") ? NULL : &begin));
    pthread_barrier_wait(&begin);
}

static void on_older_thread(const char *trial) {
    order = trial;
    pthread_barrier_wait(&begin);
    pthread_barrier_wait(&end);
}

/* A filter from outside, as a container has one: "NUMBER=ERRNO"; 0 fakes success. */
static void refuse_call(const char *text) {
    unsigned call, error;
    CHECK(sscanf(text, "%u=%u", &call, &error) == 2);
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof code / sizeof *code, code};
    CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) && !syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter));
}

int main(int count, char **arguments) {
    host = host_domain();
    CHECK(mpk_domain_create(0, &other) == 0);
    secret = mpk_heap_alloc(host, 4096, 4096);
    CHECK(secret);
    memset(secret, 's', 4096);
    signal(SIGUSR2, nothing);
    for (int i = 1; i < count; i++)
        if (!strncmp(arguments[i], "--", 2)) harden(arguments[i] + 2);
        else if (!strncmp(arguments[i], "refuse:", 7)) refuse_call(arguments[i] + 7);
        else if (!strncmp(arguments[i], "thread:", 7)) start_older_thread(arguments[i] + 7);
        else if (*arguments[i] == '@') on_older_thread(arguments[i] + 1);
        else try_one(arguments[i]);
    return 0;
}
