/* selftest_fault.h - PKRU, accesses that may fault, and what a fault looked like.
 *
 * Invariant: `faults` leaves PKRU as it was, whether or not the access faulted;
 * `seen` describes the last fault. For selftest.c alone, which includes it once.
 *
 * No attacker. Sources: [SDM 1 13], [SDM 3A 4.6.2], [sigaction(2)].
 */
#ifndef PKUVM_SELFTEST_FAULT_H
#define PKUVM_SELFTEST_FAULT_H

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

#define PKRU_COMPONENT 9 /* state component number [SDM 1 13.1] */
#define XSTATE_BV 512    /* where the XSAVE header begins */
#define SI_CODE_PKUERR 4
#define SI_CODE_KERNEL 128

static uint32_t rdpkru(void) {
    uint32_t pkru;
    __asm__ volatile("rdpkru" : "=a"(pkru) : "c"(0) : "edx", "memory");
    return pkru;
}

static void wrpkru(uint32_t pkru) {
    __asm__ volatile("wrpkru" : : "a"(pkru), "c"(0), "d"(0) : "memory");
}

/* PKRU with the two bits of one key replaced. 0 open, 1 closed, 2 read only. */
static uint32_t with_key(uint32_t pkru, int key, uint32_t bits) {
    return (pkru & ~(3u << (2 * key))) | (bits << (2 * key));
}

/* ---- What the last fault looked like. -------------------------------------- */

static struct {
    int signal, code, key;
    uintptr_t address;
    uint32_t pkru_in_handler, pkru_in_frame;
    bool has_frame;
    bool edit;         /* give PKRU `edited` in the frame and return */
    uint32_t edited;
    sigjmp_buf back;
} seen;
static uint32_t pkru_offset; /* CPUID(0xD,9).EBX */

static void on_fault(int number, siginfo_t *info, void *context) {
    seen.pkru_in_handler = rdpkru();
    seen.signal = number;
    seen.code = info->si_code;
    seen.address = (uintptr_t)info->si_addr;
    seen.key = info->si_code == SI_CODE_PKUERR ? (int)info->si_pkey : -1;
    unsigned char *area = (unsigned char *)((ucontext_t *)context)->uc_mcontext.fpregs;
    uint64_t in_use;
    memcpy(&in_use, area + XSTATE_BV, sizeof in_use);
    seen.has_frame = in_use >> PKRU_COMPONENT & 1;
    memcpy(&seen.pkru_in_frame, area + pkru_offset, sizeof seen.pkru_in_frame);
    if (seen.edit) {
        seen.edit = false;
        in_use |= 1ull << PKRU_COMPONENT;
        memcpy(area + XSTATE_BV, &in_use, sizeof in_use);
        memcpy(area + pkru_offset, &seen.edited, sizeof seen.edited);
        return;
    }
    siglongjmp(seen.back, 1);
}

/* Runs the access; true when it faulted. PKRU is then what it was before. */
static __attribute__((noinline)) bool faults(void (*access)(uintptr_t), uintptr_t at) {
    const volatile uint32_t before = rdpkru();
    seen.signal = 0;
    if (sigsetjmp(seen.back, 1) == 0) {
        access(at);
    } else {
        wrpkru(before);
    }
    return seen.signal != 0;
}

static void load(uintptr_t at) { (void)*(volatile uint8_t *)at; }
static void store(uintptr_t at) { *(volatile uint8_t *)at = 1; }
static void load_wide(uintptr_t at) {
    __asm__ volatile("movups (%0), %%xmm0" : : "r"(at) : "xmm0", "memory");
}
static void load_string(uintptr_t at) {
    uint8_t sink[16];
    void *to = sink;
    uint64_t count = sizeof sink;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(at), "+c"(count) : : "memory");
}
static void exchange(uintptr_t at) {
    __atomic_fetch_add((volatile uint8_t *)at, 1, __ATOMIC_SEQ_CST);
}
static void (*const ACCESSES[])(uintptr_t) = {load, store, load_wide, load_string, exchange};
#define ACCESS_COUNT (sizeof ACCESSES / sizeof ACCESSES[0])

/* Accesses that only one check each needs. */
static void load_by_rbp(uintptr_t at) {
    __asm__ volatile("push %%rbp\n\tmov %0, %%rbp\n\tmov (%%rbp), %%rax\n\tpop %%rbp" : : "r"(at) : "rax", "memory");
}
static void call(uintptr_t at) { ((void (*)(void))at)(); }
static void wrpkru_with_ecx(uintptr_t ecx) {
    __asm__ volatile("wrpkru" : : "a"(0), "c"((uint32_t)ecx), "d"(0) : "memory");
}
static uintptr_t fs_base_read;
static void read_fs_base(uintptr_t unused) {
    (void)unused;
    __asm__ volatile("rdfsbase %0" : "=r"(fs_base_read));
}

#endif
