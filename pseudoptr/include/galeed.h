/* galeed.h - pseudo-pointers: what rewritten code and other hosts call.
 *
 * A pseudo-pointer (handle) is a 64-bit non-canonical address:
 *
 *   63 62 | 61 .. 42 | 41 ..................... 0
 *    0  1 |  index   | generation | offset
 *
 * The split of the low 42 bits depends on the index (three classes, below). The
 * offset starts at a bias plus the low 12 bits of the real address, so that
 * alignment tricks stay true and pointers that stray a little before or after
 * the object are still told apart from an older generation.
 *
 * The table is indexed by (pointer >> GALEED_INDEX_SHIFT) for *every* pointer:
 * entries of canonical user addresses say "everything, delta 0", so that a
 * check needs no test for the tag. Entry: see struct galeed_entry.
 */
#ifndef GALEED_H
#define GALEED_H
#include <stddef.h>
#include <stdint.h>
#include "mpk.h"

#define GALEED_TABLE 0x201010000000        /* = MPK_PUBLISHED_USER */
#define GALEED_INDEX_SHIFT 42
#define GALEED_INDEX_BITS 20
#define GALEED_TABLE_ENTRIES 4194304       /* 1 << (64 - GALEED_INDEX_SHIFT) */
#define GALEED_ENTRY_BYTES 32
#define GALEED_TAG_SHIFT 62
#define GALEED_TAG 1                       /* pointer >> GALEED_TAG_SHIFT */

/* Class:            small     medium    large
 * first index       0         978944    1044480     (of 1048576)
 * offset bits       20        30        38
 * generation bits   22        12        4
 * bias              1<<18     1<<28     1<<36
 * longest object    1<<19     1<<29     1<<37      bytes */
#define GALEED_MEDIUM_FIRST 978944
#define GALEED_LARGE_FIRST 1044480
#define GALEED_SMALL_OFFSET_BITS 20
#define GALEED_MEDIUM_OFFSET_BITS 30
#define GALEED_LARGE_OFFSET_BITS 38

/* Readable by foreign code, written by the host only. An access of n bytes at
 * handle h is allowed directly when h - base (unsigned) < limit - (n - 1), the
 * subtraction saturating at 0; the address is then h + delta. Both limits of a
 * private lease are 0 (with GALEED_FOREIGN_RIGHTS=read its read limit is its
 * length): then the functions below decide, always from the live table. */
struct galeed_entry {
    uint64_t base;        /* handle of the first byte; 0: nothing leased here */
    uint64_t read_limit;  /* bytes foreign code may read directly */
    uint64_t write_limit; /* bytes foreign code may write directly */
    int64_t delta;        /* address - handle */
};

/* ---- Called by rewritten code (LLVM IR). In IR those marked [M] have the
 * preserve_most calling convention: every register but r11 and the result
 * survives. All work on handles *and* on raw pointers (which are accessed as
 * they are, with foreign rights). A bad handle is a violation. ------------- */

uint64_t galeed_load1(uint64_t pointer);                    /* [M] zero-extended */
uint64_t galeed_load2(uint64_t pointer);                    /* [M] */
uint64_t galeed_load4(uint64_t pointer);                    /* [M] */
uint64_t galeed_load8(uint64_t pointer);                    /* [M] */
void galeed_store1(uint64_t pointer, uint64_t value);       /* [M] */
void galeed_store2(uint64_t pointer, uint64_t value);       /* [M] */
void galeed_store4(uint64_t pointer, uint64_t value);       /* [M] */
void galeed_store8(uint64_t pointer, uint64_t value);       /* [M] */
/* Any other size. raw: foreign memory, never a handle. */
void galeed_load_bytes(void *raw, uint64_t pointer, uint64_t bytes);
void galeed_store_bytes(uint64_t pointer, const void *raw, uint64_t bytes);

/* Membrane. value was loaded as a pointer from `from` and lies in the host
 * domain or the host's code: lent when `from` is host memory, else unchanged. */
uint64_t galeed_lend_loaded(uint64_t from, uint64_t value);     /* [M] */
/* value carries the tag and is about to be stored at `to`: the address it
 * stands for when `to` is host memory, else unchanged. */
uint64_t galeed_unlend_stored(uint64_t to, uint64_t value);     /* [M] */
/* The host's code: [galeed_text_base, + galeed_text_bytes), at these addresses
 * in the published range (0 bytes until the first gate). */
#define GALEED_TEXT_BASE 0x201018000000   /* uint64_t */
#define GALEED_TEXT_BYTES 0x201018000008  /* uint64_t */

/* Either pointer may be a handle. memcpy has memmove's meaning. */
void galeed_memmove(uint64_t to, uint64_t from, uint64_t bytes);
void galeed_memset(uint64_t to, uint32_t byte, uint64_t bytes);

/* Sequentially consistent, 1, 2, 4 or 8 bytes. op: enum galeed_rmw. */
enum galeed_rmw {
    GALEED_XCHG, GALEED_ADD, GALEED_SUB, GALEED_AND, GALEED_NAND, GALEED_OR,
    GALEED_XOR, GALEED_MAX, GALEED_MIN, GALEED_UMAX, GALEED_UMIN,
};
uint64_t galeed_atomic_load(uint64_t pointer, uint32_t bytes);
void galeed_atomic_store(uint64_t pointer, uint32_t bytes, uint64_t value);
uint64_t galeed_atomic_rmw(uint64_t pointer, uint32_t bytes, uint32_t op, uint64_t value);
/* Returns what was there; it equals expected when the exchange happened. */
uint64_t galeed_atomic_cmpxchg(uint64_t pointer, uint32_t bytes, uint64_t expected, uint64_t desired);

/* Entry gates: lend an argument, turn a result back (host rights). Any pointer
 * value is allowed; what is not a host heap or host code address is unchanged. */
uint64_t galeed_gate_argument(uint64_t pointer);
uint64_t galeed_gate_result(uint64_t pointer);
/* Entry gate: mpk_gate_enter after the runtime is known to be complete (global
 * allocator in place, code range published, fault handler installed). */
void galeed_gate_enter(void *token, const char *function);
void galeed_gate_exit(void *token);
/* Callback gates. Foreign code calls `function`, which carries the tag: checks
 * that it is a live lease of host code, opens, returns the address. */
void *galeed_callback_enter(uint64_t function, void *token);
uint64_t galeed_callback_argument(uint64_t pointer);  /* turned back */
uint64_t galeed_callback_result(uint64_t pointer);    /* lent */
void galeed_callback_exit(void *token);
/* A form that the pass could not rewrite was reached. Never returns. */
void galeed_unsupported(const char *what);
/* Stands in for pthread_create in rewritten code: on mprotect, where a thread
 * of its own cannot be kept out, refuses with EPERM and says so. */
int galeed_pthread_create(void *thread, const void *attributes, void *(*start)(void *), void *argument);

/* ---- Called by hosts (Python by cffi, tests). Host rights. --------------- */

enum galeed_error {
    GALEED_EFULL = -32,       /* the table has no free index of that class */
    GALEED_ENOTHEAP = -33,    /* the address is in no live allocation of the host heap */
    GALEED_EHANDLE = -34,     /* not a live handle */
};
int galeed_start(void);
/* Handle of an address inside a live allocation: the same one as long as the
 * allocation lives. errors: ENOTHEAP, EFULL, MPK_*. */
int galeed_lend(uintptr_t address, uint64_t *handle);
/* A lease of its own on [address, address+bytes), read-only unless writable;
 * ends with galeed_revoke. The memory may be anywhere. Always private. */
int galeed_lend_range(uintptr_t address, size_t bytes, int writable, uint64_t *handle);
int galeed_revoke(uint64_t handle);            /* errors: EHANDLE */
/* What the handle stands for. 0, or the violation kind (MPK_SPATIAL ...) that
 * an access of `bytes` with `access` would be; nothing is reported. */
int galeed_check(uint64_t handle, size_t bytes, enum mpk_access access, uintptr_t *address);

struct galeed_lease {
    uint64_t handle;          /* of its first byte */
    uintptr_t address;
    size_t bytes;
    uint32_t index, generation;
    uint32_t mapped, writable, code, live;
};
int galeed_describe(uint64_t handle, struct galeed_lease *out);  /* errors: EHANDLE */
size_t galeed_live_leases(void);

#endif
