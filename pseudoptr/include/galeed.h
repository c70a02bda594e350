/* galeed.h - pseudo-pointers: what rewritten code and other hosts call.
 *
 * Generated from pseudoptr/rust/src by its tests (GALEED_BLESS=1): edit there.
 *
 * A pseudo-pointer (handle) is a 64-bit non-canonical address:
 *
 *   63 62 | 61 .. 42 | 41 ..................... 0
 *    1  0 |  index   | generation | offset
 *
 * The split of the low 42 bits depends on the index (three classes, below). The
 * offset starts at a bias plus the low 12 bits of the real address, so that
 * alignment tricks stay true and pointers that stray a little before or after
 * the object are still told apart from an older generation.
 *
 * So a handle is a negative number and no user address is; with linear address
 * masking (bits 62 to 57 ignored) it is non-canonical still.
 *
 * The table is indexed by (pointer >> GALEED_INDEX_SHIFT) for *every* pointer:
 * entries of canonical user addresses say "everything, delta 0", so that what
 * serves a handle may be given a raw pointer too. Entry: see struct galeed_entry.
 *
 * Class:            small     medium    large
 * first index       0         978944    1044480     (of 1048576)
 * offset bits       20        30        38
 * generation bits   22        12        4
 * bias              1<<18     1<<28     1<<36
 * longest object    1<<19     1<<29     1<<37      bytes
 */

#ifndef GALEED_H
#define GALEED_H

#include <stddef.h>
#include <stdint.h>
#include "mpk.h"

/* No argument. Also of struct galeed_shape's result. */
#define GALEED_NO_ARGUMENT 255

/* First byte of the table, indexed by `pointer >> GALEED_INDEX_SHIFT` for every
 * pointer, handle or not. Equals MPK_PUBLISHED_USER. */
#define GALEED_TABLE 0x201010000000

/* What a pointer is shifted by to find its entry. */
#define GALEED_INDEX_SHIFT 42

/* Bits of a handle's index. */
#define GALEED_INDEX_BITS 20

/* Entries of the table: 1 << (64 - GALEED_INDEX_SHIFT). */
#define GALEED_TABLE_ENTRIES 4194304

/* Bytes of one struct galeed_entry. */
#define GALEED_ENTRY_BYTES 32

/* Where the tag begins. */
#define GALEED_TAG_SHIFT 62

/* A handle has pointer >> GALEED_TAG_SHIFT == GALEED_TAG. */
#define GALEED_TAG 2

/* First index of the medium class; the small one begins at 0. */
#define GALEED_MEDIUM_FIRST 978944

/* First index of the large class, which goes up to 1 << GALEED_INDEX_BITS. */
#define GALEED_LARGE_FIRST 1044480

/* Offset bits of the small class. In each class the bias is a quarter and the
 * longest object a half of 1 << offset bits, and the generation has the bits
 * up to GALEED_INDEX_SHIFT. */
#define GALEED_SMALL_OFFSET_BITS 20

/* Offset bits of the medium class. */
#define GALEED_MEDIUM_OFFSET_BITS 30

/* Offset bits of the large class. */
#define GALEED_LARGE_OFFSET_BITS 38

/* A uint64_t in the published range: where the host's code begins. */
#define GALEED_TEXT_BASE 0x201018000000

/* A uint64_t beside it: how long it is; 0 until the first gate. */
#define GALEED_TEXT_BYTES 0x201018000008

/* What the functions for hosts return beside the errors of mpk.h. */
enum galeed_error {
    /* The table has no free index of that class. */
    GALEED_EFULL = -32,
    /* The address is in no live allocation of the host heap. */
    GALEED_ENOTHEAP = -33,
    /* Not a live handle. */
    GALEED_EHANDLE = -34,
    /* Foreign code does not own it: it was never handed over, or came back already. */
    GALEED_ENOTOUT = -35,
    /* It was handed over as another type. */
    GALEED_EOTHERTYPE = -36,
    /* The global allocator is not galeed's, so no gate may open. */
    GALEED_EALLOCATOR = -37,
};

/* What galeed_atomic_rmw does. */
enum galeed_rmw {
    GALEED_XCHG,
    GALEED_ADD,
    GALEED_SUB,
    GALEED_AND,
    GALEED_NAND,
    GALEED_OR,
    GALEED_XOR,
    GALEED_MAX,
    GALEED_MIN,
    GALEED_UMAX,
    GALEED_UMIN,
};

/* What decides how many bytes a called function touches behind a pointer. */
enum galeed_extent {
    /* No memory: passes as it is. */
    GALEED_OPAQUE,
    /* unit bytes, times the arguments `first` and `second` where given. */
    GALEED_BYTES,
    /* To the NUL of `unit` bytes, at most as many elements as argument `first` says. */
    GALEED_STRING,
    /* As many bytes as the string at argument `first` has with its NUL, of which at
     * most argument `second` characters are copied. */
    GALEED_COPIED,
    /* The same, behind the string that is there. */
    GALEED_APPENDED,
    /* To the byte that argument `first` is, at most argument `second` bytes. */
    GALEED_FOUND,
    /* A pointer that is made to point into argument `first`. */
    GALEED_END,
    /* What printf's format (argument `first`) makes, at most argument `second` bytes. */
    GALEED_PRINTED,
    /* printf's format; the arguments follow the fixed ones. */
    GALEED_FORMAT,
    /* The va_list of the format that argument `first` is. */
    GALEED_LIST,
    /* scanf's format; the arguments follow the fixed ones. `first`: the string scanned. */
    GALEED_SCAN,
    /* The va_list of such a format. */
    GALEED_SCAN_LIST,
    /* A pointer that moves: over the bytes behind argument `first`, or over a string. When
     * argument `second` is not null, it is only written, as GALEED_END of that one. */
    GALEED_CURSOR,
    /* As many struct iovec as argument `first` says. */
    GALEED_VECTOR,
    /* All that the lease holds from there on, as it was lent. */
    GALEED_REST,
    /* Memory that the function frees: never lent memory. */
    GALEED_FREED,
};

/* What a handle stands for. */
struct galeed_lease {
    /* Handle of its first byte. */
    uint64_t handle;
    /* Address of its first byte. */
    uintptr_t address;
    /* Its exact length. */
    size_t bytes;
    /* Index in the table. */
    uint32_t index;
    /* Generation of the index. */
    uint32_t generation;
    /* Foreign code reaches it directly. */
    uint32_t mapped;
    /* Foreign code may write it. */
    uint32_t writable;
    /* It is a function. */
    uint32_t code;
    /* 0: it has ended, and the rest is what it was. */
    uint32_t live;
};

/* A call to be attempted, and what became of it. */
struct galeed_attempt_call {
    /* The foreign function: a gate. */
    const void *function;
    /* Nonzero: the thread runs code of the host's. Asked at a violation, which then aborts; maybe in
     * a signal handler. Null: it does in callbacks that were lent, alone. */
    int (*host_runs)(void);
    /* 0: it returned. 1: a violation stopped it. 2: an exception of C++ left it. */
    uint32_t outcome;
    /* Which violation; of 1 alone. Its strings live for ever. */
    struct mpk_violation violation;
    /* Which exception, as a string; of 2 alone. */
    char message[256];
};

/* Readable by foreign code, written by the host only. An access of n bytes at
 * handle h is allowed directly when h - base (unsigned) < limit - (n - 1), the
 * subtraction saturating at 0; the address is then h + delta. Both limits of a
 * private lease are 0 (with GALEED_FOREIGN_RIGHTS=read its read limit is its
 * length): then the functions below decide, always from the live table. The
 * entries of canonical user addresses allow everything, with delta 0. */
struct galeed_entry {
    /* Handle of the first byte; 0: nothing leased here. */
    uint64_t base;
    /* Bytes that foreign code may read directly. */
    uint64_t read_limit;
    /* Bytes that foreign code may write directly. */
    uint64_t write_limit;
    /* Address - handle. */
    int64_t delta;
};

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/* Stands in for exit in rewritten code. */
void galeed_exit(int code);

/* Stands in for quick_exit in rewritten code. */
void galeed_quick_exit(int code);

/* The functions below are called by rewritten code (LLVM IR). In IR those marked [M] have the
 * preserve_most calling convention: every register but r11 and the result survives. All work on
 * handles *and* on raw pointers (accessed as they are, with foreign rights). A bad handle is a violation.
 *
 * [M] Loads 1 byte, zero-extended. */
uint64_t galeed_load1(uint64_t pointer);

/* [M] Loads 2 bytes, zero-extended. */
uint64_t galeed_load2(uint64_t pointer);

/* [M] Loads 4 bytes, zero-extended. */
uint64_t galeed_load4(uint64_t pointer);

/* [M] Loads 8 bytes. */
uint64_t galeed_load8(uint64_t pointer);

/* [M] Stores the low byte of value. */
void galeed_store1(uint64_t pointer, uint64_t value);

/* [M] Stores the low 2 bytes of value. */
void galeed_store2(uint64_t pointer, uint64_t value);

/* [M] Stores the low 4 bytes of value. */
void galeed_store4(uint64_t pointer, uint64_t value);

/* [M] Stores 8 bytes. */
void galeed_store8(uint64_t pointer, uint64_t value);

/* [M] Loads a pointer, and lends it when what the pointer leads to is host memory. */
uint64_t galeed_load_pointer(uint64_t pointer);

/* [M] Stores a pointer, turned back when it carries the tag and goes to host memory. */
void galeed_store_pointer(uint64_t pointer, uint64_t value);

/* Loads any other size. raw: foreign memory, never a handle. */
void galeed_load_bytes(void *raw, uint64_t pointer, uint64_t bytes);

/* Stores any other size. raw: foreign memory, never a handle. */
void galeed_store_bytes(uint64_t pointer, const void *raw, uint64_t bytes);

/* [M] Membrane. value was loaded as a pointer from `from` and lies in the host
 * domain or the host's code: lent when `from` is host memory, else unchanged. */
uint64_t galeed_lend_loaded(uint64_t from, uint64_t value);

/* [M] Membrane. value carries the tag and is about to be stored at `to`: the
 * address it stands for when `to` is host memory, else unchanged. A handle that
 * is dead or strayed out of its object stays as it is. */
uint64_t galeed_unlend_stored(uint64_t to, uint64_t value);

/* Either pointer may be a handle. memcpy has memmove's meaning. */
void galeed_memmove(uint64_t to, uint64_t from, uint64_t bytes);

/* The pointer may be a handle. */
void galeed_memset(uint64_t to, uint32_t byte, uint64_t bytes);

/* Sequentially consistent, 1, 2, 4 or 8 bytes, aligned; so are the next three. */
uint64_t galeed_atomic_load(uint64_t pointer, uint32_t bytes);

/* As galeed_atomic_load. */
void galeed_atomic_store(uint64_t pointer, uint32_t bytes, uint64_t value);

/* op: enum galeed_rmw. Returns what was there. */
uint64_t galeed_atomic_rmw(uint64_t pointer, uint32_t bytes, uint32_t op, uint64_t value);

/* Returns what was there; it equals expected when the exchange happened. */
uint64_t galeed_atomic_cmpxchg(uint64_t pointer,
                               uint32_t bytes,
                               uint64_t expected,
                               uint64_t desired);

/* Entry gates: lend an argument (host rights). Any pointer value is allowed;
 * what is not a host heap or host code address is unchanged. */
uint64_t galeed_gate_argument(uint64_t pointer);

/* Entry gates: nobody else of the host uses what the call accesses, which may work on copies of
 * small objects (host rights).
 *
 * pre:
 * token: that of the galeed_gate_enter that follows. */
void galeed_gate_exclusive(void *token);

/* Entry gates: turn a result back (host rights). */
uint64_t galeed_gate_result(uint64_t pointer);

/* Entry gates: mpk_gate_side, by a name that shared libraries of Rust can export. */
int galeed_gate_side(void);

/* Entry gate: mpk_gate_enter after the runtime is known to be complete (global
 * allocator in place, code range published, fault handler installed).
 *
 * pre:
 * token: an address in the caller's frame, the same at the exit. function: lives for ever. */
void galeed_gate_enter(void *token, const char *function);

/* Entry gate: mpk_gate_exit.
 *
 * pre:
 * token: that of the innermost galeed_gate_enter. */
void galeed_gate_exit(void *token);

/* Entry gate: an exception left the foreign function. Exits; returns when the exception
 * itself may go on in the host, else unwinds with what stands for it there.
 *
 * pre:
 * token: that of the innermost galeed_gate_enter. exception: the unwinder's. */
void galeed_gate_thrown(void *token, void *exception);

/* Callback gates. Foreign code calls `function`, which carries the tag: checks
 * that it is a live lease of host code, opens, returns the address.
 *
 * pre:
 * token: an address in the caller's frame, the same at galeed_callback_exit. */
void *galeed_callback_enter(uint64_t function, void *token);

/* Callback gates: an argument, turned back. */
uint64_t galeed_callback_argument(uint64_t pointer);

/* Callback gates: the result, lent. */
uint64_t galeed_callback_result(uint64_t pointer);

/* Callback gates: closes again.
 *
 * pre:
 * token: that of the innermost galeed_callback_enter. */
void galeed_callback_exit(void *token);

/* Callback gates: an exception left the host's function. Closes again; returns when the
 * exception itself may go on in foreign code, else unwinds with a stand-in.
 *
 * pre:
 * token: that of the innermost galeed_callback_enter. exception: the unwinder's. */
void galeed_callback_thrown(void *token, void *exception);

/* A form that the pass could not rewrite was reached. Never returns.
 *
 * pre:
 * what: a string. */
void galeed_unsupported(const char *what);

/* Stands in for pthread_create in rewritten code: on mprotect, where a thread
 * of its own cannot be kept out, refuses with EPERM and says so.
 *
 * pre:
 * As for pthread_create; each pointer may be a handle. */
int galeed_pthread_create(void *thread,
                          const void *attributes,
                          void *(*start)(void*),
                          void *argument);

/* Stands in for C11's thrd_create in rewritten code, as galeed_pthread_create does.
 *
 * pre:
 * As for thrd_create. */
int galeed_thrd_create(void *thread, const void *start, void *argument);

/* Stands in for std::thread::_M_start_thread: throws std::system_error where
 * galeed_pthread_create would refuse.
 *
 * pre:
 * As for what it stands in for. */
void galeed_cxx_thread(void *thread, void *state, const void *depend);

/* Stands in for __dynamic_cast; the object may be a handle.
 *
 * pre:
 * As for __dynamic_cast. */
uint64_t galeed_dynamic_cast(uint64_t object, const void *from, const void *to, intptr_t hint);

/* A call of code that was not rewritten is about to be made, and an argument carries
 * the tag. words: the fixed arguments, then those behind the dots, from an even index on.
 * Checks what the function will touch, and puts addresses that foreign rights reach in
 * place of the handles. 1: make the call; 0: it was refused and reported, do not.
 *
 * pre:
 * shape: as calls/shape.rs says. loans: a null pointer, for galeed_call_end.
 * pc: where to report it. */
int galeed_call_begin(const void *shape, uint64_t *words, void **loans, uint64_t pc);

/* The call was made. Brings home what it wrote; returns the result, as a handle where it
 * points into an argument's lent memory.
 *
 * pre:
 * What galeed_call_begin was given and said 1 to. */
uint64_t galeed_call_end(const void *shape,
                         uint64_t *words,
                         void **loans,
                         uint64_t result,
                         uint64_t pc);

/* A unit of rewritten code that learns (policy key `profile`) says at exit which of its
 * accesses met a handle: hits[i] is not 0. Appended to GALEED_PROFILE as JSON lines,
 * `{"profile":1,"unit":"name","sites":COUNT,"hit":[i, ...]}`, as many as it takes.
 *
 * pre:
 * unit: a string. hits: readable by the caller. */
void galeed_profile_unit(const char *unit, const uint8_t *hits, uint64_t count);

/* Stands in for strtok in rewritten code; each pointer may be a handle. */
uint64_t galeed_strtok(uint64_t string, uint64_t delimiters);

/* The functions below are for hosts (Python by cffi, tests), with host rights.
 * They return 0, an enum galeed_error or an enum mpk_error.
 *
 * Starts the table, and mpk below it. Idempotent; the others call it. */
int galeed_start(void);

/* As galeed_start, where no other copy of the runtime is in the process: one in another library
 * (package mpk of Python's, say) would be joined, and its domains shared. errors: MPK_EADDRESS. */
int galeed_start_alone(void);

/* One line for people: what is wrong and what to do. Also for mpk's errors. */
const char *galeed_strerror(int error);

/* Exceptions of C++ that leave foreign code: pass 0, they end at the gate, and the host gets
 * a panic of Rust in their place (the default); 1, they go on into the host, for a host in C++
 * that trusts the library with that: their objects lie in foreign memory and name the
 * functions that the host will call to catch and destroy them. */
int galeed_pass_exceptions(int pass);

/* Handle of an address inside a live allocation: the same one as long as the
 * allocation lives. errors: ENOTHEAP, EFULL, MPK_*.
 *
 * pre:
 * handle: writable. */
int galeed_lend(uintptr_t address, uint64_t *handle);

/* A lease of its own on [address, address+bytes), read-only unless writable;
 * ends with galeed_revoke, or with the heap allocation that it lies in (when
 * that shrinks, if it no longer fits). Memory in the host domain must lie within
 * one live allocation; other memory may be anywhere. Always private.
 * errors: ENOTHEAP, EFULL, MPK_EINVALID (null, no user address, the published
 * range).
 *
 * pre:
 * handle: writable. The memory stays readable (and writable) until the end. */
int galeed_lend_range(uintptr_t address, size_t bytes, int writable, uint64_t *handle);

/* As galeed_lend_range, and foreign code accesses it directly where it can: memory outside the
 * host domain, which must be open to foreign code anyway, and parts of allocations of a page or
 * more, whose pages it opens until they are freed. Smaller ones stay private. errors: the same.
 *
 * pre:
 * As for galeed_lend_range. */
int galeed_lend_mapped(uintptr_t address, size_t bytes, int writable, uint64_t *handle);

/* A handle of its own for a function of the host's, wherever it lies, that foreign code may call
 * through a callback gate until galeed_revoke. errors: EFULL, MPK_EINVALID (no address of a
 * function of the host's).
 *
 * pre:
 * handle: writable. The function stays where it is until the end. */
int galeed_lend_code(uintptr_t function, uint64_t *handle);

/* For hosts that load rewritten libraries: all that the first gate does before it opens (checks
 * the allocator of the Rust code, installs the fault handler). Idempotent.
 * errors: GALEED_EALLOCATOR. */
int galeed_prepare(void);

/* Ends a lease. Functions that a gate lent stay so for ever. The pages of a mapped lease that
 * is revoked are taken back when Rust frees them. errors: EHANDLE. */
int galeed_revoke(uint64_t handle);

/* What the handle stands for. 0, or the violation kind (MPK_SPATIAL ...) that
 * an access of `bytes` with `access` would be; nothing is reported.
 * errors: MPK_EINVALID for an access that is none.
 *
 * pre:
 * address: writable, or null. It is written when 0 is returned. */
int galeed_check(uint64_t handle, size_t bytes, enum mpk_access access, uintptr_t *address);

/* errors: EHANDLE when the handle was never given out, or its index has been
 * used again since.
 *
 * pre:
 * out: writable. */
int galeed_describe(uint64_t handle, struct galeed_lease *out);

/* Leases that are live now, functions included. */
size_t galeed_live_leases(void);

/* Host-heap memory for hosts whose own allocator is not ours (Python); galeed's
 * runtime is one per process, so it brings its heap along. As mpk_heap_alloc. */
void *galeed_heap_alloc(size_t bytes, size_t align);

/* The same, zeroed. As mpk_heap_calloc. */
void *galeed_heap_calloc(size_t bytes, size_t align);

/* As mpk_heap_realloc.
 *
 * pre:
 * base: null, or of a live allocation. Anything else is fatal. */
void *galeed_heap_realloc(void *base, size_t bytes, size_t align);

/* As mpk_heap_free.
 *
 * pre:
 * base: null, or of a live allocation. Anything else is fatal. */
void galeed_heap_free(void *base);

/* Calls `call->function` with the arguments that follow: at most 12 integers or pointers, 8
 * floating-point numbers, no structures by value. Returns its result, or 0 and says in `call` why.
 * A violation comes back where GALEED_ON_VIOLATION is unwind, with all gates entered since
 * undone, unless a callback in progress would be dropped: that aborts.
 *
 * pre:
 * call: writable, and function a foreign function that takes the arguments as they are passed. */
uint64_t galeed_attempt(struct galeed_attempt_call *call,
                        uint64_t a,
                        uint64_t b,
                        uint64_t c,
                        uint64_t d,
                        uint64_t e,
                        double p,
                        double q,
                        double r,
                        double s,
                        double t,
                        double u,
                        double v,
                        double w,
                        uint64_t f,
                        uint64_t g,
                        uint64_t h,
                        uint64_t i,
                        uint64_t j,
                        uint64_t k,
                        uint64_t l);

/* The same for a function that returns a float or a double.
 *
 * pre:
 * As for galeed_attempt. */
double galeed_attempt_floating(struct galeed_attempt_call *call,
                               uint64_t a,
                               uint64_t b,
                               uint64_t c,
                               uint64_t d,
                               uint64_t e,
                               double p,
                               double q,
                               double r,
                               double s,
                               double t,
                               double u,
                               double v,
                               double w,
                               uint64_t f,
                               uint64_t g,
                               uint64_t h,
                               uint64_t i,
                               uint64_t j,
                               uint64_t k,
                               uint64_t l);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* GALEED_H */
