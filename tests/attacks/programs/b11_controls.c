/* B11: controls. Calls in which the kernel copies with the caller's own rights; each
 * must fail by itself, undefended too. If one succeeds, the other rows of B say less
 * than they seem to.
 *
 * Source: [pkeys(7)]; own trials.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "attack.h"

static _Alignas(PAGE_BYTES) unsigned char page[PAGE_BYTES] = "written by a control";
static int ends[2], file = -1;

static void make_pipe(void) { TRY("pipe2", pipe2(ends, O_CLOEXEC)); }

/* Made while files can still be had: what is tested is the transfer. */
static void make_file(void) {
    char name[] = "/var/tmp/attack-XXXXXX";
    file = (int)TRY("mkostemp", mkostemp(name, O_DIRECT | O_CLOEXEC));
    unlink(name);
    TRY("pwrite64", pwrite(file, page, sizeof page, 0));
}

static void read_into(void) {
    TRY("write", write(ends[1], page, SECRET_BYTES));
    TRY("read", read(ends[0], (void *)target.secret, SECRET_BYTES));
}

static void write_from(void) {
    TRY("write", write(ends[1], (void *)target.secret, SECRET_BYTES));
    attack_hand_in(page, (size_t)TRY("read", read(ends[0], page, SECRET_BYTES)));
}

static void vmsplice_from(void) {
    struct iovec from = {(void *)target.secret, SECRET_BYTES};
    TRY("vmsplice", vmsplice(ends[1], &from, 1, 0));
    attack_hand_in(page, (size_t)TRY("read", read(ends[0], page, SECRET_BYTES)));
}

static void direct_read(void) { TRY("pread64", pread(file, (void *)target.secret, PAGE_BYTES, 0)); }

static void direct_write(void) {
    TRY("pwrite64", pwrite(file, (void *)target.secret, PAGE_BYTES, 0));
    attack_hand_in(page, (size_t)TRY("pread64", pread(file, page, sizeof page, 0)) ? SECRET_BYTES : 0);
}

/* The kernel writes the child's id with put_user and does not tell when it cannot. */
static void parent_settid(void) {
    pid_t pid = (pid_t)TRY("clone", syscall(SYS_clone, CLONE_PARENT_SETTID | SIGCHLD, NULL, target.secret, NULL, 0));
    if (!pid) syscall(SYS_exit_group, 0);
    TRY("wait4", waitpid(pid, NULL, 0));
}

const struct attack attacks[] = {
    {.variant = "read", .prepare = make_pipe, .attack = read_into, .flags = ATTACK_CONTROL},
    {.variant = "write", .prepare = make_pipe, .attack = write_from, .flags = ATTACK_CONTROL},
    {.variant = "vmsplice", .prepare = make_pipe, .attack = vmsplice_from, .flags = ATTACK_CONTROL},
    {.variant = "direct-read", .prepare = make_file, .attack = direct_read, .flags = ATTACK_CONTROL},
    {.variant = "direct-write", .prepare = make_file, .attack = direct_write, .flags = ATTACK_CONTROL},
    {.variant = "parent-settid", .attack = parent_settid, .flags = ATTACK_CONTROL},
    {0},
};
