/* standalone.c - the runtime of a program that has no host.
 *
 * A build makes and runs small C programs of its own: configure's checks, code
 * generators. Compiled by galeed-cc they hold gates and checks like everything
 * else, but no Rust is in them: nothing is ever lent, every pointer is raw. This
 * archive member serves them where nothing else defines these symbols; a program
 * with a host gets the real runtime.
 *
 * Invariant: it never grants anything. A pointer that carries the tag is used as
 * it is, which traps, because it is non-canonical.
 * Assumes of the attacker: nothing; such a program holds nothing to protect.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <threads.h>
#include "galeed.h"

/* [M] in galeed.h, which cannot say so in plain C: hence own C names for those symbols. */
#define KEEP(result, name, ...)                                                                            \
    result raw_##name(__VA_ARGS__) __asm__("galeed_" #name) __attribute__((preserve_most));                \
    __attribute__((preserve_most)) result raw_##name(__VA_ARGS__)
#define USER_ENTRIES ((uint64_t)1 << (47 - GALEED_INDEX_SHIFT)) /* of canonical user addresses */

/* A page where rewritten code expects one: zero is "no host code" and "nothing leased". */
static void map_page(uintptr_t address) {
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    if (mmap((void *)address, MPK_PAGE_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0) != (void *)address) {
        fputs("galeed: the addresses of the pseudo-pointer table are taken\n", stderr);
        abort();
    }
}

/* Before any other constructor: rewritten ones read the table. */
__attribute__((constructor(101))) static void map_raw_entries(void) {
    struct galeed_entry *table = (struct galeed_entry *)GALEED_TABLE;
    map_page(GALEED_TABLE);
    map_page(GALEED_TEXT_BASE);
    for (uint64_t i = 0; i < USER_ENTRIES; i++) {
        table[i].read_limit = UINT64_MAX;
        table[i].write_limit = UINT64_MAX;
    }
}

/* All of the program is foreign code, so that gates call straight through. */
int mpk_gate_is_foreign(void) { return 1; }
/* Changes no register but the result's (LLVM's preserve_all). */
__attribute__((naked)) int galeed_gate_side(void) { __asm__("movl $1, %eax\n\tret"); }
uint64_t galeed_gate_argument(uint64_t pointer) { return pointer; }
void galeed_gate_exclusive(void *token) { (void)token; }
uint64_t galeed_gate_result(uint64_t pointer) { return pointer; }
void galeed_gate_enter(void *token, const char *function) { (void)token, (void)function; }
void galeed_gate_exit(void *token) { (void)token; }

/* Reached by no gate here: all of the program is foreign. */
void galeed_gate_thrown(void *token, void *exception) { (void)token, (void)exception; }
void galeed_callback_thrown(void *token, void *exception) { (void)token, (void)exception; }

_Noreturn void galeed_unsupported(const char *what) {
    fprintf(stderr, "galeed: reached code that could not be rewritten: %s\n", what);
    abort();
}

void *galeed_callback_enter(uint64_t function, void *token) {
    (void)function, (void)token;
    galeed_unsupported("a call of a pseudo-pointer, in a program without a host");
}
uint64_t galeed_callback_argument(uint64_t pointer) { return pointer; }
uint64_t galeed_callback_result(uint64_t pointer) { return pointer; }
void galeed_callback_exit(void *token) { (void)token; }
int galeed_pthread_create(void *thread, const void *attributes, void *(*start)(void *), void *argument) {
    return pthread_create(thread, attributes, start, argument);
}
int galeed_thrd_create(void *thread, const void *start, void *argument) {
    return thrd_create(thread, (thrd_start_t)start, argument);
}

void galeed_exit(int code) { exit(code); }
void galeed_quick_exit(int code) { quick_exit(code); }

/* libstdc++'s, in programs that hold C++. */
#pragma weak __dynamic_cast
void *__dynamic_cast(const void *object, const void *from, const void *to, ptrdiff_t hint);
uint64_t galeed_dynamic_cast(uint64_t object, const void *from, const void *to, ptrdiff_t hint) {
    return (uint64_t)__dynamic_cast((const void *)object, from, to, hint);
}
void raw_cxx_thread(void *thread, void *state, const void *depend) __attribute__((weak)) __asm__(
    "_ZNSt6thread15_M_start_threadESt10unique_ptrINS_6_StateESt14default_deleteIS1_EEPFvvE");
void galeed_cxx_thread(void *thread, void *state, const void *depend) { raw_cxx_thread(thread, state, depend); }

/* An argument with the tag stays as it is: the call is made with it, and the C library traps. */
int galeed_call_begin(const void *shape, uint64_t *words, void **loans, uint64_t pc) {
    (void)shape, (void)words, (void)loans, (void)pc;
    return 1;
}
uint64_t galeed_call_end(const void *shape, uint64_t *words, void **loans, uint64_t result, uint64_t pc) {
    (void)shape, (void)words, (void)loans, (void)pc;
    return result;
}

void galeed_profile_unit(const char *unit, const uint8_t *hits, uint64_t count) {
    (void)unit, (void)hits, (void)count; /* nothing is lent here: nothing to learn */
}

uint64_t galeed_strtok(uint64_t string, uint64_t delimiters) {
    return (uint64_t)strtok((char *)string, (const char *)delimiters);
}

void galeed_memmove(uint64_t to, uint64_t from, uint64_t bytes) { memmove((void *)to, (void *)from, bytes); }
void galeed_memset(uint64_t to, uint32_t byte, uint64_t bytes) { memset((void *)to, (int)byte, bytes); }
void galeed_load_bytes(void *raw, uint64_t pointer, uint64_t bytes) { memcpy(raw, (void *)pointer, bytes); }
void galeed_store_bytes(uint64_t pointer, const void *raw, uint64_t bytes) { memcpy((void *)pointer, raw, bytes); }

KEEP(uint64_t, lend_loaded, uint64_t from, uint64_t value) {
    (void)from;
    return value;
}
KEEP(uint64_t, unlend_stored, uint64_t to, uint64_t value) {
    (void)to;
    return value;
}

#define ACCESS(bytes, type)                                                                                \
    KEEP(uint64_t, load##bytes, uint64_t pointer) {                                                        \
        type value;                                                                                        \
        memcpy(&value, (void *)pointer, sizeof value);                                                     \
        return value;                                                                                      \
    }                                                                                                      \
    KEEP(void, store##bytes, uint64_t pointer, uint64_t wide) {                                            \
        type value = (type)wide;                                                                           \
        memcpy((void *)pointer, &value, sizeof value);                                                     \
    }
ACCESS(1, uint8_t)
ACCESS(2, uint16_t)
ACCESS(4, uint32_t)
ACCESS(8, uint64_t)

KEEP(uint64_t, load_pointer, uint64_t pointer) { return raw_load8(pointer); }
KEEP(void, store_pointer, uint64_t pointer, uint64_t value) { raw_store8(pointer, value); }

uint64_t galeed_atomic_load(uint64_t pointer, uint32_t bytes) {
    switch (bytes) {
    case 1: return __atomic_load_n((uint8_t *)pointer, __ATOMIC_SEQ_CST);
    case 2: return __atomic_load_n((uint16_t *)pointer, __ATOMIC_SEQ_CST);
    case 4: return __atomic_load_n((uint32_t *)pointer, __ATOMIC_SEQ_CST);
    default: return __atomic_load_n((uint64_t *)pointer, __ATOMIC_SEQ_CST);
    }
}

#define EXCHANGE(type)                                                                                     \
    {                                                                                                      \
        type found = (type)expected;                                                                       \
        __atomic_compare_exchange_n((type *)pointer, &found, (type)desired, 0, __ATOMIC_SEQ_CST,           \
                                    __ATOMIC_SEQ_CST);                                                     \
        return found;                                                                                      \
    }
uint64_t galeed_atomic_cmpxchg(uint64_t pointer, uint32_t bytes, uint64_t expected, uint64_t desired) {
    switch (bytes) {
    case 1: EXCHANGE(uint8_t)
    case 2: EXCHANGE(uint16_t)
    case 4: EXCHANGE(uint32_t)
    default: EXCHANGE(uint64_t)
    }
}

static uint64_t combine(uint32_t bytes, uint32_t op, uint64_t old, uint64_t value) {
    const unsigned shift = 64 - 8 * bytes; /* to the top, so that one compare serves every size */
    const uint64_t a = old << shift, b = value << shift;
    switch ((enum galeed_rmw)op) {
    case GALEED_XCHG: return value;
    case GALEED_ADD: return old + value;
    case GALEED_SUB: return old - value;
    case GALEED_AND: return old & value;
    case GALEED_NAND: return ~(old & value);
    case GALEED_OR: return old | value;
    case GALEED_XOR: return old ^ value;
    case GALEED_MAX: return (int64_t)a > (int64_t)b ? old : value;
    case GALEED_MIN: return (int64_t)a < (int64_t)b ? old : value;
    case GALEED_UMAX: return a > b ? old : value;
    case GALEED_UMIN: return a < b ? old : value;
    }
    galeed_unsupported("an atomic operation that is none of enum galeed_rmw");
}

uint64_t galeed_atomic_rmw(uint64_t pointer, uint32_t bytes, uint32_t op, uint64_t value) {
    for (uint64_t old = galeed_atomic_load(pointer, bytes);;) {
        const uint64_t found = galeed_atomic_cmpxchg(pointer, bytes, old, combine(bytes, op, old, value));
        if (found == old) {
            return old;
        }
        old = found;
    }
}

void galeed_atomic_store(uint64_t pointer, uint32_t bytes, uint64_t value) {
    galeed_atomic_rmw(pointer, bytes, GALEED_XCHG, value);
}
