/* Virtual keys where something around them is odd. argv[1]:
 *   descriptors: none is left before the first begin
 *   sealed: a memfd that nobody may write
 *   null: statistics nowhere
 *   restart: a thread waits in a system call while others are told of a change
 *   handler: begins in a signal handler at each instruction of a begin that needs a key */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include "keys.h"

#define GROUPS 30

static void descriptors(void) {
    char *base = group_of(1, 1, RW);
    struct rlimit none = {3, 3};
    int token;
    CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0 && open("/", O_RDONLY) < 0 && errno == EMFILE);
    CHECK(mpk_begin(1, RW) == 0);
    *opaque(base) = 'x';
    CHECK(mpk_end(1) == 0);
    mpk_gate_enter(&token, "descriptors");
    CHECK(mpk_gate_is_foreign() && mpk_gate_host_frame((uintptr_t)&token + 64) && !mpk_gate_host_frame((uintptr_t)&token - 64));
    mpk_gate_exit(&token);
}

static void sealed(void) {
    int file = memfd_create("sealed", MFD_ALLOW_SEALING | MFD_CLOEXEC);
    CHECK(file >= 0 && ftruncate(file, PAGE) == 0 && fcntl(file, F_ADD_SEALS, F_SEAL_WRITE) == 0);
    CHECK(mpk_mmap(1, NULL, PAGE, RW, MAP_SHARED, file, 0) == MAP_FAILED && *mpk_keys_error() == MPK_EINVALID);
    CHECK(mpk_begin(1, RW) == MPK_EVKEY);
    char *copy = mpk_mmap(1, NULL, PAGE, RW, MAP_PRIVATE, file, 0);
    CHECK(copy != MAP_FAILED && mpk_begin(1, RW) == 0 && *opaque(copy) == 0);
    *opaque(copy) = 'x';
    CHECK(mpk_end(1) == 0);
    close(file);
}

static int ends[2];
static _Atomic int waits;

static void *read_one(void *unused) {
    char byte;
    waits = 1;
    CHECK(read(ends[0], &byte, 1) == 1);
    return unused;
}

static void restart(void) {
    pthread_t thread;
    char *base = group_of(1, 4096, RW); /* so large that threads are told, not pages changed */
    CHECK(pipe(ends) == 0);
    start(&thread, read_one, NULL);
    spin_until(&waits, 1);
    usleep(100000);
    CHECK(mpk_begin(1, RW) == 0 && mpk_end(1) == 0);
    for (int i = 0; i < 10; i++) {
        CHECK(mpk_mprotect(1, RW) == 0 && rights_on(base) == 3);
        CHECK(mpk_mprotect(1, PROT_NONE) == 0 && rights_on(base) == 0);
    }
    CHECK(!is_pku() || stats().syncs > 0);
    CHECK(write(ends[1], "x", 1) == 1 && pthread_join(thread, NULL) == 0);
}

static volatile int taken, refused, trapped_in;

static void trapped(int number) {
    (void)number;
    trapped_in++;
    syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1);
}

static void begin_here(int number) {
    int group = 1 + trapped_in % (GROUPS - 1), error = mpk_begin(group, PROT_READ);
    (void)number;
    if (error) CHECK(error == MPK_EPINNED && ++refused);
    else CHECK(mpk_end(group) == 0 && ++taken);
}

static void handler(void) {
    struct sigaction trap = {.sa_handler = trapped}, begin = {.sa_handler = begin_here};
    char *base[GROUPS];
    for (int i = 0; i < GROUPS; i++) base[i] = group_of(1 + i, 1, RW);
    for (int i = 0; i < GROUPS; i++) CHECK(mpk_begin(1 + i, RW) == 0 && mpk_end(1 + i) == 0);
    sigaddset(&trap.sa_mask, SIGUSR1);
    CHECK(sigaction(SIGTRAP, &trap, NULL) == 0 && sigaction(SIGUSR1, &begin, NULL) == 0);
    alarm(100); /* what waits for itself waits for ever */
    CHECK(mpk_begin(2, RW) == 0 && mpk_end(2) == 0);
    __asm__ volatile("subq $128, %%rsp\n\tpushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\taddq $128, %%rsp" : : : "memory", "cc");
    int error = mpk_begin(GROUPS, RW);
    __asm__ volatile("subq $128, %%rsp\n\tpushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq\n\taddq $128, %%rsp" : : : "memory", "cc");
    CHECK(error == 0 && rights_on(base[GROUPS - 1]) == 3 && mpk_end(GROUPS) == 0);
    CHECK(taken > 100 && refused > 100 && stats().pinned == 0);
    for (int i = 0; i < GROUPS; i++)
        CHECK(mpk_begin(1 + i, RW) == 0 && rights_on(base[i]) == 3 && mpk_end(1 + i) == 0 && rights_on(base[i]) == 0);
    printf("%d begins in handlers, %d refused\n", taken, refused);
}

int main(int count, char **words) {
    CHECK(count == 2);
    const char *what = words[1];
    CHECK(mpk_init(-1) == 0);
    if (!strcmp(what, "descriptors")) descriptors();
    else if (!strcmp(what, "sealed")) sealed();
    else if (!strcmp(what, "null")) CHECK(mpk_keys_statistics(NULL) == MPK_EINVALID);
    else if (!strcmp(what, "restart")) restart();
    else if (!strcmp(what, "handler")) handler();
    else return 2;
    printf("ok\n");
    return 0;
}
