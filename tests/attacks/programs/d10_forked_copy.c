/* D10: a child that foreign code forks keeps a copy of the domain, also of what the host
 * erases later. It opens the copy as A1.gate-call does, which no level stops by itself: what
 * is tested is whether there is a copy.
 *
 * Source: fork(2), madvise(2) on MADV_DONTFORK and MADV_WIPEONFORK.
 */
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "attack.h"
#include "mpk.h"
#include "naive.h"

static int gate[2];
static pid_t child;

static void child_body(void) {
    char go;
    if (read(gate[0], &go, 1) == 1) {
        if (target.undefended) naive_exit();
        else mpk_access_begin();
        attack_read();
    }
    syscall(SYS_exit_group, 0);
}

static void fork_it(void) {
    TRY("pipe", pipe(gate));
    child = (pid_t)TRY("fork", fork());
    if (!child) child_body();
}

static void let_it_go(void) {
    if (!child) return;
    TRY("write", write(gate[1], "", 1));
    TRY("waitpid", waitpid(child, NULL, 0));
}

const struct attack attacks[] = {
    {.variant = "foreign-fork", .attack = fork_it, .again = let_it_go, .flags = ATTACK_ERASE},
    {0},
};
