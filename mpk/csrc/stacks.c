/* stacks.c - see stacks.h.
 *
 * Invariant: a host stack is in use by one thread, or in the idle list; its
 * memory belongs to the domain for ever (mpk_domain_private), and is reused.
 * What a thread needs to come back from a host stack (the outer one's bounds) is
 * at its top, inside the domain.
 *
 * Attacker: can write foreign stacks and signal stacks. A signal frame on a signal
 * stack holds the registers of host code that it interrupted (THREAT_MODEL.md);
 * one on a host stack is as safe as the stack.
 *
 * Source: [Hodor], [Donky] for a stack on each side.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include "host_pkru.h"
#include "prim.h"
#include "stacks.h"

#define FOREIGN_STACK_BYTES ((size_t)8 << 20) /* as a thread's own, by default; faulted in on use */
#define SIGNAL_STACK_BYTES ((size_t)64 << 10) /* beyond what the kernel's frame takes */
#define RED_ZONE 256 /* what the interrupted code may use below its stack pointer, and more */
#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

struct host_stack {
    uintptr_t low;
    uintptr_t outer_low, outer_high; /* the host stack that this one was entered from; 0, 0 none */
    uintptr_t outer_pointer;         /* the stack pointer there, before the switch */
    uintptr_t next;                  /* idle: the next one */
    uint64_t padding[3];             /* 64 bytes: the stack begins aligned */
};

static struct host_stack *in_use(const struct thread_record *record) {
    return (struct host_stack *)record->host_high;
}

static size_t whole_pages(size_t bytes) { return (bytes + MPK_PAGE_BYTES - 1) & ~(size_t)(MPK_PAGE_BYTES - 1); }

static struct host_stack *take_idle(size_t bytes) {
    _mpk_extents_lock();
    uintptr_t *link = &MPK_RUNTIME->idle_host_stacks;
    while (*link && *link - ((struct host_stack *)*link)->low < bytes) link = &((struct host_stack *)*link)->next;
    struct host_stack *stack = (struct host_stack *)*link;
    if (stack) *link = stack->next;
    _mpk_extents_unlock();
    return stack;
}

static struct host_stack *make(size_t bytes) {
    mpk_domain *host = mpk_host(NULL);
    size_t whole = MPK_PAGE_BYTES + whole_pages(bytes + sizeof(struct host_stack));
    uintptr_t base = host ? (uintptr_t)mpk_domain_private(host, whole) : 0;
    if (!base || _mpk_domain_guard(host, base, MPK_PAGE_BYTES)) return NULL; /* unguarded: never used */
    struct host_stack *stack = (struct host_stack *)(base + whole - sizeof *stack);
    stack->low = base + MPK_PAGE_BYTES;
    return stack;
}

int _mpk_stacks_enter(struct thread_record *record, size_t bytes, uintptr_t here) {
    struct host_stack *stack = take_idle(bytes);
    if (!stack) stack = make(bytes);
    if (!stack) return MPK_ENOMEM;
    stack->outer_low = record->host_low;
    stack->outer_high = record->host_high;
    stack->outer_pointer = here;
    record->plain_gates = 0;
    record->foreign_top = 0;
    record->host_low = stack->low;
    record->host_high = (uintptr_t)stack;
    return 0;
}

static void put_back(struct host_stack *stack) {
    stack->next = MPK_RUNTIME->idle_host_stacks;
    MPK_RUNTIME->idle_host_stacks = (uintptr_t)stack;
}

int _mpk_stacks_make_idle(size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct host_stack *stack = make(MPK_HOST_STACK_DEFAULT);
        if (!stack) return MPK_ENOMEM;
        _mpk_extents_lock();
        put_back(stack);
        _mpk_extents_unlock();
    }
    return 0;
}

static void leave_locked(struct thread_record *record, uintptr_t host_high) {
    while (record->host_high && record->host_high != host_high) {
        struct host_stack *stack = in_use(record);
        record->foreign_top = 0;
        record->host_low = stack->outer_low;
        record->host_high = stack->outer_high;
        put_back(stack);
    }
}

void _mpk_stacks_leave(struct thread_record *record, uintptr_t host_high) {
    if (record->host_high == host_high) return;
    _mpk_extents_lock();
    leave_locked(record, host_high);
    _mpk_extents_unlock();
    bool plain = record->host_high == 0 && record->stack_high != 0 && !_mpk_stacks_in_force();
    record->plain_gates = plain ? MPK_RUNTIME->backend : MPK_BACKEND_NONE;
}

void _mpk_stacks_settle(struct thread_record *record, uintptr_t address) {
    if (address - record->stack_low < record->stack_high - record->stack_low) _mpk_stacks_leave(record, 0);
}

uintptr_t _mpk_stacks_foreign_top(struct thread_record *record) {
    uintptr_t top = record->foreign_high;
    uint32_t i = record->depth;
    bool alone = i == 0;
    while (i && record->frames[i - 1].kind < FRAME_CALL_BACK) i--;
    bool busy = i && record->frames[i - 1].kind == FRAME_CALL; /* where, is in no frame of ours */
    if (i && !busy) top = record->frames[i - 1].token;
    for (const struct host_stack *stack = in_use(record); stack; stack = (const struct host_stack *)stack->outer_high) {
        if (stack->outer_pointer - record->foreign_low >= top - record->foreign_low) continue;
        top = stack->outer_pointer;
        busy = false;
        break;
    }
    if (busy) _mpk_fatal("mpk_call in a signal handler on a signal stack, on top of another mpk_call");
    top = (top - RED_ZONE) & ~(uintptr_t)63;
    if (alone) record->foreign_top = top; /* until host stacks change */
    return top;
}

static int give_signal_stack(struct thread_record *record) {
    /* It can be given no more: the threads that there were have one each. */
    if (mpk_hardened() & MPK_HARDEN_SIGNALS) return 0;
    stack_t had, wanted = {.ss_size = whole_pages(SIGNAL_STACK_BYTES + getauxval(AT_MINSIGSTKSZ))};
    if (sigaltstack(NULL, &had)) return MPK_EKERNEL;
    if (!(had.ss_flags & SS_DISABLE)) return 0;
    wanted.ss_sp = mmap(NULL, wanted.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (wanted.ss_sp == MAP_FAILED) return MPK_ENOMEM;
    if (sigaltstack(&wanted, NULL)) {
        munmap(wanted.ss_sp, wanted.ss_size);
        return MPK_EKERNEL;
    }
    record->signal_stack = (uintptr_t)wanted.ss_sp;
    return 0;
}

int _mpk_stacks_prepare(struct thread_record *record) {
    if (!record->foreign_high) {
        int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE;
        char *base = mmap(NULL, MPK_PAGE_BYTES + FOREIGN_STACK_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0);
        if (base == MAP_FAILED) return MPK_ENOMEM;
        if (mprotect(base, MPK_PAGE_BYTES, PROT_NONE)) {
            munmap(base, MPK_PAGE_BYTES + FOREIGN_STACK_BYTES);
            return MPK_EKERNEL;
        }
        record->foreign_low = (uintptr_t)base + MPK_PAGE_BYTES;
        record->foreign_high = record->foreign_low + FOREIGN_STACK_BYTES;
    }
    return give_signal_stack(record);
}

void _mpk_stacks_release(struct thread_record *record, bool own) {
    stack_t had;
    if (own) _mpk_stacks_leave(record, 0);
    else leave_locked(record, 0);
    uintptr_t here = (uintptr_t)__builtin_frame_address(0); /* foreign code may end a thread on its stack */
    if (record->foreign_high && here - record->foreign_low >= FOREIGN_STACK_BYTES)
        munmap((void *)(record->foreign_low - MPK_PAGE_BYTES), MPK_PAGE_BYTES + FOREIGN_STACK_BYTES);
    if (record->signal_stack && own && sigaltstack(NULL, &had) == 0 && (uintptr_t)had.ss_sp == record->signal_stack &&
        !(had.ss_flags & SS_ONSTACK)) {
        stack_t none = {.ss_flags = SS_DISABLE};
        if (sigaltstack(&none, NULL) == 0) munmap(had.ss_sp, had.ss_size);
    }
    record->foreign_low = record->foreign_high = record->foreign_top = record->signal_stack = 0;
    record->plain_gates = 0;
}

void _mpk_stacks_overflow(const struct thread_record *record, uintptr_t address) {
    if (!record) return;
    if (record->host_high && record->host_low - 1 - address < MPK_PAGE_BYTES)
        _mpk_fatal("a host stack of %zu bytes overflowed; give mpk_host_stack more",
                   (size_t)(record->host_high - record->host_low));
    if (record->foreign_high && record->foreign_low - 1 - address < MPK_PAGE_BYTES)
        _mpk_fatal("foreign code overflowed its stack of %zu bytes", FOREIGN_STACK_BYTES);
}
