/* selftest.c - is this CPU with this kernel what the pku backend relies on?
 *
 * Invariant: each row of CHECKS asks one thing of CPU and kernel, prints "ok" or
 * "FAIL" with what was seen, and the exit code is the number of failures (1 when
 * there are no protection keys at all). Run natively it judges real hardware, in
 * tests/pkuvm/run the emulation, where one known difference says "differs".
 *
 * No attacker. Sources: [SDM 3A 4.6.2], [SDM 1 13], [pkeys(7)].
 * Build: cc -std=gnu11 -O1 -Wall -Wextra -Werror -pthread selftest.c
 */
#define _GNU_SOURCE
#include "selftest_fault.h"

#include <cpuid.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#define PAGE 4096u
#define KEYS 15
#define INITIAL_PKRU 0x55555554u    /* the kernel's default: only key 0 is open */
#define HWCAP2_FSGSBASE_BIT 2u
#define HOST_BASE ((void *)0x200000000000)
#define HOST_BYTES (1ull << 36)

/* ---- The page most checks use. --------------------------------------------- */

static int key;
static unsigned char *page; /* two pages: the first under `key`, the second under 0 */

static char detail[256];
static bool verdict(bool good, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool verdict(bool good, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    return good;
}

/* ---- Checks. ---------------------------------------------------------------- */

static bool initial_rights(void) {
    uint32_t pkru = rdpkru();
    return verdict(pkru == with_key(INITIAL_PKRU, key, 0), "PKRU %08x", pkru);
}

static bool fifteen_keys(void) {
    int taken[KEYS + 2], count = 0;
    while (count < KEYS + 2 && (taken[count] = pkey_alloc(0, PKEY_DISABLE_ACCESS)) >= 0) {
        count++;
    }
    int why = errno;
    for (int i = 0; i < count; i++) {
        pkey_free(taken[i]);
    }
    return verdict(count + 1 == KEYS && why == ENOSPC, "%d, then errno %d", count + 1, why);
}

static bool round_trip(void) {
    uint32_t before = rdpkru(), after;
    wrpkru(with_key(before, key, 2));
    after = rdpkru();
    wrpkru(before);
    return verdict(after == with_key(before, key, 2) && rdpkru() == before, "wrote and read %08x", after);
}

static bool wrpkru_operands(void) {
    bool faulted = faults(wrpkru_with_ecx, 1);
    return verdict(faulted && seen.code == SI_CODE_KERNEL, "ECX 1: signal %d, si_code %d", seen.signal, seen.code);
}

static bool closed_page(void) {
    uint32_t open = rdpkru();
    unsigned bad = 0;
    for (int round = 0; round < 100; round++) {
        for (unsigned i = 0; i < ACCESS_COUNT; i++) {
            uintptr_t at = (uintptr_t)page + 16 * i + (unsigned)round;
            ACCESSES[i](at); /* fill the TLB while it is open */
            wrpkru(with_key(open, key, 1));
            bool faulted = faults(ACCESSES[i], at);
            wrpkru(open);
            bad += !faulted || seen.signal != SIGSEGV || seen.code != SI_CODE_PKUERR || seen.key != key ||
                   seen.address != at;
            bad += faults(ACCESSES[i], at);
        }
    }
    return verdict(bad == 0, "%u of %zu wrong; si_code %d, si_pkey %d", bad, 100 * ACCESS_COUNT, seen.code, key);
}

static bool read_only_page(void) {
    uint32_t open = rdpkru();
    wrpkru(with_key(open, key, 2));
    bool reads = !faults(load, (uintptr_t)page);
    bool writes = !faults(store, (uintptr_t)page);
    int code = seen.code;
    wrpkru(open);
    return verdict(reads && !writes && code == SI_CODE_PKUERR, "reads %d, writes %d", reads, writes);
}

static bool straddling(void) {
    /* Eight bytes before a closed page: the fault names the closed page. */
    uint32_t open = rdpkru();
    unsigned char *two = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (two == MAP_FAILED || pkey_mprotect(two + PAGE, PAGE, PROT_READ | PROT_WRITE, key) != 0) {
        return verdict(false, "errno %d", errno);
    }
    load((uintptr_t)two);
    wrpkru(with_key(open, key, 1));
    bool faulted = faults(load_wide, (uintptr_t)two + PAGE - 8);
    wrpkru(open);
    bool good = faulted && seen.code == SI_CODE_PKUERR && seen.address == (uintptr_t)two + PAGE;
    munmap(two, 2 * PAGE);
    return verdict(good, "si_addr is page + %ld", (long)(seen.address - (uintptr_t)two - PAGE));
}

static bool system_call(void) {
    int ends[2];
    if (pipe(ends) != 0) {
        return verdict(false, "no pipe");
    }
    uint32_t open = rdpkru();
    wrpkru(with_key(open, key, 1));
    ssize_t got = write(ends[1], page, 1);
    int why = errno;
    wrpkru(open);
    close(ends[0]);
    close(ends[1]);
    return verdict(got == -1 && why == EFAULT, "write() of a closed page: %zd, errno %d", got, why);
}

static bool execution(void) {
    /* Keys guard data accesses, not instruction fetches. */
    page[0] = 0xc3;
    if (pkey_mprotect(page, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, key) != 0) {
        return verdict(false, "errno %d", errno);
    }
    uint32_t open = rdpkru();
    wrpkru(with_key(open, key, 1));
    bool faulted = faults(call, (uintptr_t)page);
    wrpkru(open);
    pkey_mprotect(page, PAGE, PROT_READ | PROT_WRITE, key);
    return verdict(!faulted, "a closed page %s", faulted ? "does not run" : "runs");
}

static bool mprotect_keeps_key(void) {
    mprotect(page, PAGE, PROT_READ);
    mprotect(page, PAGE, PROT_READ | PROT_WRITE);
    uint32_t open = rdpkru();
    wrpkru(with_key(open, key, 1));
    bool faulted = faults(load, (uintptr_t)page);
    wrpkru(open);
    return verdict(faulted && seen.key == key, "key %d", seen.key);
}

static bool non_canonical(void) {
    static const uintptr_t ADDRESSES[] = {0x8000000000000000, 0xbfffffffffffffc0, 0x8123456789abcdc0};
    unsigned bad = 0;
    for (unsigned a = 0; a < 3; a++) {
        for (unsigned i = 0; i < ACCESS_COUNT; i++) {
            bool faulted = faults(ACCESSES[i], ADDRESSES[a]);
            bad += !faulted || seen.signal != SIGSEGV || seen.code != SI_CODE_KERNEL || seen.address != 0;
        }
    }
    return verdict(bad == 0, "%u wrong; signal %d, si_code %d, si_addr %lx", bad, seen.signal, seen.code,
                   (unsigned long)seen.address);
}

static bool non_canonical_by_stack_register(void) {
    /* RBP and RSP as base select the stack segment: #SS, not #GP, and Linux makes
     * it SIGBUS. Compilers use RBP as a general register too. TCG raises #GP. */
    bool faulted = faults(load_by_rbp, 0x8000000000000000);
    return verdict(faulted && seen.signal == SIGBUS && seen.code == SI_CODE_KERNEL, "signal %d, si_code %d",
                   seen.signal, seen.code);
}

static bool fs_base(void) {
    uintptr_t self;
    bool announced = getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE_BIT;
    __asm__("mov %%fs:0, %0" : "=r"(self));
    bool faulted = faults(read_fs_base, 0);
    return verdict(announced && !faulted && fs_base_read == self, "HWCAP2 %d, RDFSBASE %s", announced,
                   fs_base_read == self ? "equals %fs:0" : "differs");
}

static bool frame_offset(void) {
    uint32_t open = rdpkru(), closed = with_key(open, key, 2);
    wrpkru(closed);
    faults(store, (uintptr_t)page);
    wrpkru(open);
    return verdict(seen.has_frame && seen.pkru_in_frame == closed && seen.pkru_in_handler == INITIAL_PKRU,
                   "offset %u, frame %08x (was %08x), in the handler %08x", pkru_offset, seen.pkru_in_frame, closed,
                   seen.pkru_in_handler);
}

static bool frame_edit(void) {
    /* Grant in the frame: the same load then succeeds. Then take away so. */
    uint32_t open = rdpkru();
    wrpkru(with_key(open, key, 1));
    seen.edited = open;
    seen.edit = true;
    load((uintptr_t)page);
    uint32_t granted = rdpkru();
    seen.edited = with_key(open, key, 1);
    seen.edit = true;
    raise(SIGUSR1);
    uint32_t taken = rdpkru();
    wrpkru(open);
    return verdict(granted == open && taken == with_key(open, key, 1), "granted %08x, taken %08x", granted, taken);
}

static bool fixed_range(void) {
    void *at = mmap(HOST_BASE, HOST_BYTES, PROT_NONE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    bool mapped = at == HOST_BASE;
    bool tagged = mapped && pkey_mprotect(at, 1 << 20, PROT_READ | PROT_WRITE, key) == 0;
    void *again = mmap(HOST_BASE, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    bool refused = again == MAP_FAILED && errno == EEXIST;
    if (mapped) {
        store((uintptr_t)at);
        munmap(at, HOST_BYTES);
    }
    return verdict(mapped && tagged && refused, "64 GiB at %p, tagged %d, taken twice %d", at, tagged, !refused);
}

/* Two threads with different rights, on one CPU and on two, while both switch. */
static bool spins(uint32_t pkru) {
    bool good = true;
    wrpkru(pkru);
    for (int i = 0; i < 2000; i++) {
        good &= rdpkru() == pkru;
        sched_yield();
    }
    return good;
}
static struct { uint32_t inherited, pkru; bool good; } other;
static void *other_thread(void *unused) {
    (void)unused;
    other.inherited = rdpkru();
    other.good = spins(other.pkru);
    return NULL;
}
static bool per_thread(void) {
    uint32_t open = rdpkru();
    cpu_set_t all, one;
    sched_getaffinity(0, sizeof all, &all);
    bool good = true;
    for (int pinned = 0; pinned < 2; pinned++) {
        CPU_ZERO(&one);
        CPU_SET(sched_getcpu(), &one);
        if (pinned) {
            sched_setaffinity(0, sizeof one, &one);
        }
        pthread_t thread;
        other.pkru = with_key(open, key, 1);
        wrpkru(with_key(open, key, 2));
        good &= pthread_create(&thread, NULL, other_thread, NULL) == 0;
        good &= spins(with_key(open, key, 2));
        pthread_join(thread, NULL);
        good &= rdpkru() == with_key(open, key, 2);
        good &= other.good && other.inherited == with_key(open, key, 2);
        wrpkru(open);
    }
    sched_setaffinity(0, sizeof all, &all);
    return verdict(good, "rights stay with their thread; a new one inherits its creator's");
}

/* A page taken back must stop a thread that reads it on another CPU, TLB or no. */
static struct {
    unsigned char *page;
    atomic_uint reads;
    atomic_bool stop, faulted;
} shared;
static void read_until_stopped(uintptr_t at) {
    while (!atomic_load(&shared.stop)) {
        load(at);
        atomic_fetch_add(&shared.reads, 1);
    }
}
static void *reader(void *unused) {
    (void)unused;
    wrpkru(with_key(rdpkru(), key, 1));
    atomic_store(&shared.faulted, faults(read_until_stopped, (uintptr_t)shared.page));
    return NULL;
}
static bool retagging(void) {
    enum { PATIENCE_MS = 20000 };
    pthread_t thread;
    shared.page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (shared.page == MAP_FAILED || pthread_create(&thread, NULL, reader, NULL) != 0) {
        return verdict(false, "errno %d", errno);
    }
    while (atomic_load(&shared.reads) < 1000) {
        sched_yield();
    }
    pkey_mprotect(shared.page, PAGE, PROT_READ | PROT_WRITE, key);
    unsigned at_return = atomic_load(&shared.reads);
    for (int ms = 0; ms < PATIENCE_MS && !atomic_load(&shared.faulted); ms++) {
        usleep(1000);
    }
    atomic_store(&shared.stop, true);
    pthread_join(thread, NULL);
    unsigned late = atomic_load(&shared.reads) - at_return; /* one may have been under way */
    return verdict(atomic_load(&shared.faulted) && seen.key == key && late <= 1, "faulted %d, %u reads too late",
                   atomic_load(&shared.faulted), late);
}

/* lenient: QEMU's TCG is known to differ; there it is printed, not counted. */
static const struct { const char *name; bool (*run)(void); bool lenient; } CHECKS[] = {
    {"initial rights", initial_rights, false},
    {"fifteen keys", fifteen_keys, false},
    {"WRPKRU, RDPKRU", round_trip, false},
    {"WRPKRU with ECX set faults", wrpkru_operands, false},
    {"closed page: SEGV_PKUERR", closed_page, false},
    {"read-only page", read_only_page, false},
    {"access that straddles", straddling, false},
    {"system call gets EFAULT", system_call, false},
    {"keys don't stop execution", execution, false},
    {"mprotect keeps the key", mprotect_keeps_key, false},
    {"non-canonical access", non_canonical, false},
    {"the same by RBP: SIGBUS", non_canonical_by_stack_register, true},
    {"RDFSBASE", fs_base, false},
    {"PKRU in the signal frame", frame_offset, false},
    {"PKRU edited in the frame", frame_edit, false},
    {"MAP_FIXED_NOREPLACE", fixed_range, false},
    {"rights are per thread", per_thread, false},
    {"retagging reaches other CPUs", retagging, false},
};

static bool is_tcg(void) {
    unsigned eax, signature[4] = {0};
    __cpuid(0x40000000, eax, signature[0], signature[1], signature[2]);
    return memcmp(signature, "TCGTCGTCGTCG", 12) == 0;
}

int main(void) {
    unsigned eax, ebx = 0, ecx = 0, edx, failures = 0;
    struct utsname machine;
    uname(&machine);
    __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx);
    bool pku = ecx >> 3 & 1, ospke = ecx >> 4 & 1;
    bool tcg = is_tcg();
    printf("Linux %s%s; CPUID: PKU %d, OSPKE %d\n", machine.release, tcg ? ", emulated by TCG" : "", pku, ospke);
    if (!ospke) {
        printf("FAIL no protection keys: neither RDPKRU nor pkey_alloc can be tried\n");
        return 1;
    }
    __get_cpuid_count(0xd, PKRU_COMPONENT, &eax, &pkru_offset, &ecx, &edx);
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    key = pkey_alloc(0, 0);
    page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (key < 0 || page == MAP_FAILED || pkey_mprotect(page, PAGE, PROT_READ | PROT_WRITE, key) != 0) {
        printf("FAIL pkey_alloc or pkey_mprotect: errno %d\n", errno);
        return 1;
    }
    for (unsigned i = 0; i < sizeof CHECKS / sizeof CHECKS[0]; i++) {
        bool good = CHECKS[i].run();
        bool known = !good && tcg && CHECKS[i].lenient;
        failures += !good && !known;
        printf("%-7s %-28s %s\n", good ? "ok" : known ? "differs" : "FAIL", CHECKS[i].name, detail);
    }
    return (int)failures;
}
