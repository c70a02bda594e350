/* harden_filter.c - turns the table of harden_rules.c into a seccomp filter and puts it
 * on every thread.
 *
 * Shape: architecture, x32 numbers, numbers that are too new; then one block for each
 * rule: not this call? on to the next block. A holds the call's number at the start of
 * every block. Calls that no rule names cost nothing: the kernel notes that they
 * are always allowed and skips the filter.
 *
 * The table is constant, the domains' ranges are not: they are compared with what
 * exists now, and no domain is made or ended afterwards (domain.c).
 *
 * Attacker: may have made this thread's filters before; among equal verdicts the
 * newest filter's counts, so that an older one cannot turn our EPERM into success.
 *
 * Source: seccomp(2), Documentation/networking/filter.rst.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "harden.h"
#include "harden_rules.h"

#define X32_BIT 0x40000000
#define PROGRAM_MAX 2048
#define ARCH_GET_UNTAG_MASK_ 0x4001

enum { BEGIN_LOW, BEGIN_HIGH, END_LOW, END_HIGH }; /* filter memory words of RULE_OURS */

struct program {
    size_t count;
    struct sock_filter code[PROGRAM_MAX];
};

/* pre: there is room; the table's size is known and far from the limit. */
static void emit(struct program *p, uint16_t code, uint32_t value, uint8_t if_true, uint8_t if_false) {
    if (p->count < PROGRAM_MAX) p->code[p->count++] = (struct sock_filter){code, if_true, if_false, value};
}

static void load(struct program *p, size_t offset) { emit(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0); }
static void load_low(struct program *p, unsigned argument) { load(p, offsetof(struct seccomp_data, args[argument])); }
static void load_high(struct program *p, unsigned argument) {
    load(p, offsetof(struct seccomp_data, args[argument]) + sizeof(uint32_t));
}
static void load_call(struct program *p) { load(p, offsetof(struct seccomp_data, nr)); }
static void give(struct program *p, uint32_t verdict) { emit(p, BPF_RET | BPF_K, verdict, 0, 0); }
static void load_word(struct program *p, uint32_t word) { emit(p, BPF_LD | BPF_MEM, word, 0, 0); }
static void store_word(struct program *p, uint32_t word) { emit(p, BPF_ST, word, 0, 0); }
/* The jumps skip so many instructions. */
static void skip_if(struct program *p, uint16_t comparison, uint32_t value, uint8_t if_true, uint8_t if_false) {
    emit(p, BPF_JMP | comparison | BPF_K, value, if_true, if_false);
}

static uint32_t verdict_of(enum rule_verdict verdict) {
    switch (verdict) {
    case RULE_EPERM: return SECCOMP_RET_ERRNO | EPERM;
    case RULE_ENOSYS: return SECCOMP_RET_ERRNO | ENOSYS;
    case RULE_ALLOW: return SECCOMP_RET_ALLOW;
    case RULE_KILL: break;
    }
    return SECCOMP_RET_KILL_PROCESS;
}

/* Leaves [begin, end) of the call in memory words. An end beyond 64 bits comes out
 * small; the kernel itself refuses such a length. */
static void load_range(struct program *p, unsigned address, unsigned bytes) {
    load_low(p, address);
    store_word(p, BEGIN_LOW);
    load_high(p, address);
    store_word(p, BEGIN_HIGH);
    load_low(p, bytes);
    emit(p, BPF_LDX | BPF_MEM, BEGIN_LOW, 0, 0);
    emit(p, BPF_ALU | BPF_ADD | BPF_X, 0, 0, 0);
    store_word(p, END_LOW);
    emit(p, BPF_JMP | BPF_JGE | BPF_X, 0, 2, 0); /* less than a summand: carry */
    emit(p, BPF_LD | BPF_IMM, 1, 0, 0);
    emit(p, BPF_JMP | BPF_JA, 1, 0, 0);
    emit(p, BPF_LD | BPF_IMM, 0, 0, 0);
    emit(p, BPF_LDX | BPF_MEM, BEGIN_HIGH, 0, 0);
    emit(p, BPF_ALU | BPF_ADD | BPF_X, 0, 0, 0);
    store_word(p, END_HIGH);
    load_high(p, bytes);
    emit(p, BPF_LDX | BPF_MEM, END_HIGH, 0, 0);
    emit(p, BPF_ALU | BPF_ADD | BPF_X, 0, 0, 0);
    store_word(p, END_HIGH);
}

/* begin < range's end && end > range's begin: the verdict. */
static void match_range(struct program *p, const struct harden_range *range, uint32_t verdict) {
    uint64_t end = range->base + range->bytes;
    load_word(p, BEGIN_HIGH);
    skip_if(p, BPF_JGT, (uint32_t)(end >> 32), 9, 0);
    skip_if(p, BPF_JEQ, (uint32_t)(end >> 32), 0, 2);
    load_word(p, BEGIN_LOW);
    skip_if(p, BPF_JGE, (uint32_t)end, 6, 0);
    load_word(p, END_HIGH);
    skip_if(p, BPF_JGT, (uint32_t)(range->base >> 32), 3, 0);
    skip_if(p, BPF_JEQ, (uint32_t)(range->base >> 32), 0, 3);
    load_word(p, END_LOW);
    skip_if(p, BPF_JGT, (uint32_t)range->base, 0, 1);
    give(p, verdict);
}

static void test_and_give(struct program *p, const struct rule *rule) {
    uint32_t verdict = verdict_of((enum rule_verdict)rule->verdict);
    struct harden_range ranges[HARDEN_RANGES];
    switch ((enum rule_test)rule->test) {
    case RULE_ALWAYS: break;
    case RULE_ANY_OF:
        load_low(p, rule->argument);
        skip_if(p, BPF_JSET, rule->value, 0, 1);
        break;
    case RULE_EQUAL:
        load_low(p, rule->argument);
        skip_if(p, BPF_JEQ, rule->value, 0, 1);
        break;
    case RULE_NULL:
        load_low(p, rule->argument);
        skip_if(p, BPF_JEQ, 0, 0, 3);
        load_high(p, rule->argument);
        skip_if(p, BPF_JEQ, 0, 0, 1);
        break;
    case RULE_NOT_NULL:
        load_low(p, rule->argument);
        skip_if(p, BPF_JEQ, 0, 0, 2);
        load_high(p, rule->argument);
        skip_if(p, BPF_JEQ, 0, 1, 0);
        break;
    case RULE_OURS:
        load_range(p, rule->argument, rule->value);
        for (size_t i = 0, count = _mpk_harden_ranges(ranges); i < count; i++) match_range(p, &ranges[i], verdict);
        return;
    }
    give(p, verdict);
}

static bool applies(const struct rule *rule, uint32_t parts, bool sealed) {
    if (!(rule->parts & parts)) return false;
    if (rule->condition == RULE_PKU_ONLY) return MPK_RUNTIME->backend == MPK_BACKEND_PKU;
    return rule->condition != RULE_SEALED_ONLY || sealed;
}

static void assemble(struct program *p, uint32_t parts, bool sealed) {
    p->count = 0;
    load(p, offsetof(struct seccomp_data, arch));
    skip_if(p, BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0);
    give(p, SECCOMP_RET_KILL_PROCESS);
    load_call(p);
    skip_if(p, BPF_JGE, X32_BIT, 0, 1);
    give(p, SECCOMP_RET_KILL_PROCESS);
    if (parts & MPK_HARDEN_SYSCALLS) {
        skip_if(p, BPF_JGT, RULE_LAST_CALL, 0, 1);
        give(p, SECCOMP_RET_ERRNO | ENOSYS);
    }
    for (size_t i = 0; i < _mpk_harden_rule_count; i++) {
        const struct rule *rule = &_mpk_harden_rules[i];
        if (!applies(rule, parts, sealed)) continue;
        skip_if(p, BPF_JEQ, rule->call, 1, 0);
        size_t jump = p->count;
        emit(p, BPF_JMP | BPF_JA, 0, 0, 0);
        test_and_give(p, rule);
        if (rule->test != RULE_ALWAYS) load_call(p);
        p->code[jump].k = (uint32_t)(p->count - jump - 1);
    }
    give(p, SECCOMP_RET_ALLOW);
}

static void do_nothing(void) {}

int _mpk_harden_filter_check(struct hardening *h, uint32_t part) {
    uint32_t action = SECCOMP_RET_KILL_PROCESS;
    uint64_t mask;
    if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action))
        return _mpk_harden_refuse(h, part, "this kernel's seccomp is missing, too old or refused (%s); Linux 4.14 or "
                                  "newer has it", strerror(errno));
    /* Tagged addresses would mean the same page and compare differently. */
    if (!syscall(SYS_arch_prctl, ARCH_GET_UNTAG_MASK_, &mask) && ~mask)
        return _mpk_harden_refuse(h, part, "linear address masking is switched on in this process; switch it off");
    if (_mpk_harden_in_child(do_nothing)) /* in one its effect will be tried, when it cannot be undone any more */
        return _mpk_harden_refuse(h, part, "no trial child can be made (%s), so that its effect could not be seen; raise "
                                  "the limit on processes (ulimit -u)", strerror(errno));
    return 0;
}

int _mpk_harden_filter_apply(struct hardening *h, uint32_t parts) {
    struct program program;
    uint32_t first = parts & -parts;
    assemble(&program, parts, (h->in_force & MPK_HARDEN_SEAL) != 0);
    if (program.count == PROGRAM_MAX) return _mpk_harden_refuse(h, first, "the filter is longer than %d", PROGRAM_MAX);
    struct sock_fprog filter = {(unsigned short)program.count, program.code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return _mpk_harden_refuse(h, first, "no_new_privs cannot be set (%s)", strerror(errno));
    long thread = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);
    if (thread > 0)
        return _mpk_harden_refuse(h, first, "thread %ld has a system call filter of its own; harden before it gets it", thread);
    if (thread) return _mpk_harden_refuse(h, first, "the filter is refused (%s)", strerror(errno));
    if ((parts & MPK_HARDEN_SYSCALLS) && MPK_RUNTIME->backend == MPK_BACKEND_MPROTECT)
        _mpk_harden_remark(h, "syscalls: weaker on the mprotect backend, where mprotect of a domain cannot be refused "
                              "to foreign code, because gates call it");
    return 0;
}
