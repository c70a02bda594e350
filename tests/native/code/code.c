/* code.c - the part CODE of hardening, one case a process: what is taken out, what is
 * refused and with which words, what goes on working.
 *
 * Prints the reason of a refusal and exits 3. The cases that change text check the
 * effect, not the return code.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "check.h"
#include "harden_code.h"
#include "mpk_scan.h"

#define PAGE 4096

/* A whole instruction, and one inside an immediate: in functions of their own, never run. */
#ifdef WHOLE
__attribute__((used)) static void whole(void) { __asm__ volatile("wrpkru" : : "a"(0), "c"(0), "d"(0)); }
#endif
#ifdef INSIDE
__attribute__((used)) uint32_t inside_immediate(void) { return 0x00EF010F; }
#endif
#ifdef BASE
__attribute__((used)) void set_base(void) { __asm__ volatile("wrgsbase %0" : : "r"(0L)); }
#endif

static void harden(void) {
    struct mpk_harden_report report = {.reason = ""};
    int error = _mpk_harden_code(&report);
    if (!error) return;
    CHECK(error == MPK_EHARDEN && report.failed == MPK_HARDEN_CODE);
    printf("%s\n", report.reason);
    fflush(stdout);
    _exit(3);
}

static void *code_page(int protection, int flags, int fd) {
    void *page = mmap(NULL, PAGE, protection, flags, fd, 0);
    CHECK(page != MAP_FAILED);
    return page;
}

static int add(int a, int b) { return a + b; }

static int count(const struct mpk_scan_hit *hit, void *context) {
    if (hit->gadget != MPK_GADGET_XRSTORS) ++*(int *)context;
    return 0;
}

/* What may be left: WRPKRU, and XRSTOR 0x40(%rsp) with a test of bit 9 and UD2 behind. */
static const volatile uint8_t tested[] = { /* volatile: no immediates of it in code */
    0x0F, 0xAE, 0x6C, 0x24, 0x40, 0xA9, 0, 2, 0, 0, 0x75, 5, 0xE9, 0, 0, 0, 0, 0x0F, 0x0B};
struct left {
    const uint8_t *code;
    int wrpkru;
    const uint8_t *xrstor[8];
    int xrstors;
};

static int judge(const struct mpk_scan_hit *hit, void *context) {
    struct left *left = context;
    const uint8_t *at = left->code + hit->offset;
    if (hit->gadget == MPK_GADGET_XRSTORS) return 0;
    if (hit->gadget == MPK_GADGET_WRPKRU) return left->wrpkru++, 0;
    CHECK(hit->gadget == MPK_GADGET_XRSTOR);
    for (int i = 0; i < 19; i++) CHECK(i >= 13 && i < 17 ? 1 : at[i] == tested[i]);
    CHECK(left->xrstors < 8);
    left->xrstor[left->xrstors++] = at;
    return 0;
}

/* Looks at all that is executable: sealed, of no file, and which gadgets are left. */
static struct left gadgets_left(void) {
    char line[512];
    struct left left = {.code = NULL};
    FILE *maps = fopen("/proc/self/maps", "r");
    CHECK(maps);
    while (fgets(line, sizeof line, maps)) {
        uintptr_t start, end;
        char flags[5];
        unsigned long inode;
        CHECK(sscanf(line, "%lx-%lx %4s %*x %*s %lu", &start, &end, flags, &inode) == 4);
        if (flags[2] != 'x' || strstr(line, "[vsyscall]")) continue;
        CHECK(inode == 0);
        left.code = (const uint8_t *)start;
        mpk_scan(left.code, end - start, judge, &left);
        CHECK(mprotect((void *)start, PAGE, PROT_READ) == -1 && errno == EPERM);
        CHECK(munmap((void *)start, PAGE) == -1 && errno == EPERM);
        CHECK(mremap((void *)start, PAGE, PAGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == EPERM);
    }
    fclose(maps);
    return left;
}

static int own_sites(void) {
    extern const int32_t __start_galeed_wrpkru[] __attribute__((visibility("hidden")));
    extern const int32_t __stop_galeed_wrpkru[] __attribute__((visibility("hidden")));
    return (int)(__stop_galeed_wrpkru - __start_galeed_wrpkru);
}

static void *in_thread(void *argument) {
    char text[64];
    snprintf(text, sizeof text, "%d", *(int *)argument);
    CHECK(atoi(text) == 7);
    free(malloc(100000));
    return argument;
}

static void applied(void) {
    int seven = 7;
    pthread_t thread;
    void *frames[16], *result;
    harden();
    CHECK(own_sites() >= 4);
    CHECK(gadgets_left().wrpkru == own_sites());
    harden(); /* once more: nothing to do */
    CHECK(gadgets_left().wrpkru == own_sites());
    CHECK(!pthread_create(&thread, NULL, in_thread, &seven) && !pthread_join(thread, &result) && result == &seven);
    CHECK(backtrace(frames, 16) >= 3);
    CHECK(dladdr((void *)(uintptr_t)printf, &(Dl_info){0}));
    pid_t child = fork();
    if (child == 0) _exit(in_thread(&seven) == &seven ? 5 : 6);
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 5);
    void *library = dlopen("libm.so.6", RTLD_NOW);
    CHECK(library);
    double (*root)(double) = (double (*)(double))(uintptr_t)dlsym(library, "sqrt");
    CHECK(root && root(49) == 7);
}

static void gates(void) {
    mpk_domain *host = host_domain();
    harden();
    for (int i = 0; i < 1000; i++) {
        enum mpk_rights previous;
        CHECK(!mpk_domain_open(host, MPK_READ_WRITE, &previous));
        char *secret = mpk_heap_alloc(host, 64, 0);
        CHECK(secret);
        memset(secret, 1, 64);
        int token;
        mpk_gate_enter(&token, "nobody");
        CHECK(mpk_gate_is_foreign());
        mpk_gate_exit(&token);
        CHECK(secret[63] == 1);
        mpk_heap_free(host, secret);
        CHECK(!mpk_domain_close(host, previous));
    }
}

/* Calls through the dynamic loader's resolver, which must not lose arguments in vector
 * registers: nextafter has been called by nobody yet. */
static void lazily_bound(void) {
    harden();
    CHECK(gadgets_left().xrstors > 0);
    volatile double one = 1, two = 2;
    CHECK(nextafter(one, two) - 1 == 0x1p-52);
}

/* Jumps to what is left of an XRSTOR, to load rights: stopped right behind it. */
static void illegal(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    const uint8_t *at = info->si_addr;
    printf("stopped at %s\n", at[0] == 0x0F && at[1] == 0x0B && at[-5] == 0xE9 ? "the test" : "another place");
    fflush(stdout);
    _exit(4);
}

static void attack_xrstor(void) {
    static uint8_t area[8192] __attribute__((aligned(64))); /* all zero: a valid image */
    struct sigaction action = {.sa_sigaction = illegal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
    harden();
    struct left left = gadgets_left();
    CHECK(left.xrstors > 0 && !sigaltstack(&stack, NULL) && !sigaction(SIGILL, &action, NULL));
    __asm__ volatile("mov %0, %%rsp; xor %%edx, %%edx; mov $0x200, %%eax; jmp *%1"
                     : : "r"(area), "r"(left.xrstor[0]) : "rax", "rdx", "memory");
}

static void pkey_set_is_gone(void) {
    harden();
    printf("calling\n");
    fflush(stdout);
#ifndef STATIC /* there it would be the program's own code, which is not known to be needless */
    pkey_set(0, 0);
#endif
}

static void discard(void) {
    volatile uint8_t *text = (volatile uint8_t *)(uintptr_t)add;
    harden();
    uint8_t first = *text;
    void *page = (void *)((uintptr_t)text & ~(uintptr_t)(PAGE - 1));
    CHECK(madvise(page, PAGE, MADV_DONTNEED) == -1 && errno == EPERM);
    CHECK(*text == first);
}

/* argv: a library that may be written to. Without hardening the rewritten file shows through. */
static void rewrite(const char *path, int hardened) {
    void *library = dlopen(path, RTLD_NOW);
    if (!library) fprintf(stderr, "%s\n", dlerror());
    CHECK(library);
    const uint8_t *spare = dlsym(library, "spare");
    Dl_info info;
    CHECK(spare && dladdr(spare, &info));
    if (hardened) harden();
    off_t offset = (off_t)(spare - (const uint8_t *)info.dli_fbase); /* text is mapped at its offset */
    int fd = open(path, O_WRONLY);
    CHECK(fd >= 0 && pwrite(fd, "\x0f\x01\xef", 3, offset) == 3);
    int hits = 0;
    mpk_scan(spare, 3, count, &hits);
    printf("%d\n", hits);
}

static _Atomic int stop;
static void *busy(void *argument) {
    _Atomic long *rounds = argument;
    char text[32];
    while (!atomic_load(&stop)) {
        long round = atomic_fetch_add(rounds, 1);
        snprintf(text, sizeof text, "%ld", round);
        CHECK(atol(text) == round);
        free(malloc(64 + (size_t)round % 5000));
        CHECK(getppid() > 0);
    }
    return NULL;
}

#define BUSY 4
static void wait_for_rounds(_Atomic long *rounds) { /* of every thread, from now on */
    for (int i = 0; i < BUSY; i++) {
        long now = atomic_load(&rounds[i]);
        while (atomic_load(&rounds[i]) < now + 2) usleep(100);
    }
}

static void while_threads_run(void) {
    static _Atomic long rounds[BUSY];
    pthread_t threads[BUSY];
    for (int i = 0; i < BUSY; i++) CHECK(!pthread_create(&threads[i], NULL, busy, &rounds[i]));
    wait_for_rounds(rounds);
    harden();
    wait_for_rounds(rounds);
    atomic_store(&stop, 1);
    for (int i = 0; i < BUSY; i++) CHECK(!pthread_join(threads[i], NULL));
}

static void across_mappings(void) {
    uint8_t *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
    memset(pages, 0x90, 2 * PAGE);
    memcpy(pages + PAGE - 1, "\x0f\x01\xef", 3);
    CHECK(!mprotect(pages, PAGE, PROT_READ | PROT_EXEC));
    CHECK(!madvise(pages + PAGE, PAGE, MADV_DONTDUMP)); /* keeps the two mappings apart */
    CHECK(!mprotect(pages + PAGE, PAGE, PROT_READ | PROT_EXEC));
    harden();
}

static void shortened_file(void) {
    int fd = memfd_create("short", 0);
    CHECK(fd >= 0 && !ftruncate(fd, 2 * PAGE));
    CHECK(mmap(NULL, 2 * PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) != MAP_FAILED);
    CHECK(!ftruncate(fd, PAGE));
    harden();
}

static void without_mseal(int error) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 462, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    CHECK(!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
    harden();
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    if (!strcmp(what, "applied")) applied();
    else if (!strcmp(what, "plain")) harden();
    else if (!strcmp(what, "gates")) gates();
    else if (!strcmp(what, "pkey-set")) pkey_set_is_gone();
    else if (!strcmp(what, "lazily-bound")) lazily_bound();
    else if (!strcmp(what, "attack-xrstor")) attack_xrstor();
    else if (!strcmp(what, "discard")) discard();
    else if (!strcmp(what, "threads")) while_threads_run();
    else if (!strcmp(what, "rewrite")) rewrite(argv[2], 1);
    else if (!strcmp(what, "rewrite-undefended")) rewrite(argv[2], 0);
    else if (!strcmp(what, "load")) { CHECK(dlopen(argv[2], RTLD_NOW)); harden(); }
    else if (!strcmp(what, "writable")) { code_page(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1); harden(); }
    else if (!strcmp(what, "execute-only")) { code_page(PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1); harden(); }
    else if (!strcmp(what, "shared")) {
        int fd = memfd_create("alias", 0);
        CHECK(fd >= 0 && !ftruncate(fd, PAGE));
        code_page(PROT_READ | PROT_EXEC, MAP_SHARED, fd);
        harden();
    }
    else if (!strcmp(what, "across")) across_mappings();
    else if (!strcmp(what, "shortened")) shortened_file();
    else if (!strcmp(what, "no-mseal")) without_mseal(ENOSYS);
    else if (!strcmp(what, "mseal-faked")) without_mseal(0);
    else if (!strcmp(what, "read-implies-exec")) { CHECK(personality(READ_IMPLIES_EXEC) != -1); harden(); }
    else return 64;
    printf("done\n");
    return 0;
}
