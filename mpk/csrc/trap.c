/* trap.c - see mpk_trap.h: between a signal frame and the server.
 *
 * A *run* is what the thread performs for the server between two signals: one instruction
 * at its own place (the trap flag ends it, by SIGTRAP), or REP MOVS in the two functions'
 * worth of text below (an access to a pseudo-pointer ends it, by SIGSEGV). Meanwhile all
 * signals but faults are blocked, so that no handler sees the borrowed registers.
 *
 * Invariants: during a run the thread has foreign rights; what is needed to end it is in
 * the published range; a run that another fault ends is undone in the frame first, so that
 * whoever handles that fault sees foreign code's own registers and pc.
 *
 * Attacker: chooses registers, flags, pc and what lies there; may have a sibling thread
 * change the signal frame, or call the handler as a function with a frame of its own. So
 * the frame's addresses are read once, and nothing is read or written by them that is ours
 * (may_touch). A run that never ends (its bytes were changed under way) harms foreign code only.
 *
 * Source: [SDM 1 13.4] the XSAVE area, [SDM 3B 19.3.1.4] single-stepping, sigaction(2).
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include "mpk_harden.h"
#include "own_stack.h"
#include "prim.h"
#include "record.h"
#include "signal_frame.h"
#include "trap.h"
#include "vkey_hooks.h"

#define USER_END ((uintptr_t)1 << 47)
#define TRAP_FLAG 0x100u
#define XSAVE_LEAST 576  /* legacy area and header */
#define XSAVE_MOST 16384 /* with the tiles of AMX it is 11 KiB */
#define VECTORS 32
#define SERVER_STACK_BYTES ((size_t)1 << 20) /* an unoptimised build takes half of it, for the decoder; others 4 KiB */
#define ASYNCHRONOUS (~(uint64_t)0 ^ (1u << (SIGSEGV - 1) | 1u << (SIGBUS - 1) | 1u << (SIGILL - 1) | \
                                     1u << (SIGFPE - 1) | 1u << (SIGTRAP - 1) | 1u << (SIGSYS - 1) | \
                                     1u << (SIGABRT - 1)))

_Static_assert(sizeof(struct mpk_trap) <= MPK_PAGE_BYTES, "a thread's trap has one page");
_Static_assert(sizeof(struct mpk_trap) == 1768, "mpk/rust/src/ffi_trap.rs declares it too");

/* Each ends in a load from 0x8000000000000000, which no processor can make. */
#define MOVE(name, suffix) \
    __asm__(".text\n.globl _mpk_trap_move" name "\n.hidden _mpk_trap_move" name "\n_mpk_trap_move" name ":\n" \
            "    rep movs" suffix "\n.globl _mpk_trap_moved" name "\n.hidden _mpk_trap_moved" name \
            "\n_mpk_trap_moved" name ":\n    movabsb 0x8000000000000000, %al\n    ud2\n")
MOVE("1", "b");
MOVE("2", "w");
MOVE("4", "l");
MOVE("8", "q");
extern const char _mpk_trap_move1[], _mpk_trap_move2[], _mpk_trap_move4[], _mpk_trap_move8[];
extern const char _mpk_trap_moved1[], _mpk_trap_moved2[], _mpk_trap_moved4[], _mpk_trap_moved8[];

static uint64_t move_of(uint32_t element) {
    switch (element) {
    case 1: return (uintptr_t)_mpk_trap_move1;
    case 2: return (uintptr_t)_mpk_trap_move2;
    case 4: return (uintptr_t)_mpk_trap_move4;
    default: return (uintptr_t)_mpk_trap_move8;
    }
}

static uint64_t moved_of(uint32_t element) {
    switch (element) {
    case 1: return (uintptr_t)_mpk_trap_moved1;
    case 2: return (uintptr_t)_mpk_trap_moved2;
    case 4: return (uintptr_t)_mpk_trap_moved4;
    default: return (uintptr_t)_mpk_trap_moved8;
    }
}

static struct mpk_trap *trap_of(const struct thread_record *record) {
    return (struct mpk_trap *)(MPK_PUBLISHED_BASE + MPK_TRAPS_OFFSET + (uintptr_t)record->slot * MPK_PAGE_BYTES);
}

static bool overlaps(uintptr_t address, size_t bytes, uintptr_t base, size_t length) {
    return address < base + length && base < address + bytes;
}

/* Is it all memory that is none of ours, so that who asks us to touch it could do so itself? */
static bool may_touch(uintptr_t address, size_t bytes) {
    if (address >= USER_END || bytes > USER_END - address) return false;
    if (overlaps(address, bytes, MPK_PUBLISHED_BASE, MPK_PUBLISHED_BYTES) ||
        overlaps(address, bytes, MPK_HOST_BASE, (size_t)1 << MPK_HOST_SHIFT))
        return false;
    for (int i = 0; i < MPK_MAX_DOMAINS; i++) {
        const struct domain_extent *extent = &MPK_RUNTIME->extents[i];
        if (extent->base && overlaps(address, bytes, extent->base, extent->bytes)) return false;
    }
    uintptr_t page = address & ~(uintptr_t)(MPK_PAGE_BYTES - 1);
    for (; page < address + bytes; page += MPK_PAGE_BYTES)
        if (_mpk_vkey_holds(page)) return false;
    return true;
}

/* ---- The frame's registers. ---------------------------------------------- */

static void from_frame(struct mpk_trap *trap) {
    trap->flags = _mpk_frame_get((const void *)trap->context, trap->registers);
    trap->pc = _mpk_frame_pc((void *)trap->context);
}

static void into_frame(const struct mpk_trap *trap) {
    _mpk_frame_put((void *)trap->context, trap->registers, trap->pc, trap->flags);
}

static uint64_t *blocked(const struct mpk_trap *trap) {
    return (uint64_t *)&((ucontext_t *)trap->context)->uc_sigmask; /* signals 1 to 64 */
}

/* false: the frame is nobody's whom we may serve. */
static bool take_frame(struct mpk_trap *trap, void *context) {
    trap->context = 0;
    if (!may_touch((uintptr_t)context, sizeof(ucontext_t))) return false;
    uintptr_t area = _mpk_frame_vectors(context);
    if (!area || !may_touch(area, XSAVE_LEAST)) return false;
    uint32_t bytes = _mpk_xsave_bytes((const uint8_t *)area);
    if (bytes < XSAVE_LEAST || bytes > XSAVE_MOST || !may_touch(area, bytes)) return false;
    trap->context = (uintptr_t)context;
    trap->vectors = area;
    trap->vector_bytes = bytes;
    from_frame(trap);
    return true;
}

void mpk_trap_vector_get(const struct mpk_trap *trap, uint32_t number, uint8_t *bytes) {
    _mpk_xsave_get((const uint8_t *)trap->vectors, trap->vector_bytes, number % VECTORS, bytes);
}

void mpk_trap_vector_set(const struct mpk_trap *trap, uint32_t number, const uint8_t *bytes) {
    _mpk_xsave_set((uint8_t *)trap->vectors, trap->vector_bytes, number % VECTORS, bytes);
}

uint64_t mpk_trap_mask_get(const struct mpk_trap *trap, uint32_t number) {
    return _mpk_xsave_mask((const uint8_t *)trap->vectors, trap->vector_bytes, number % 8);
}

/* ---- Asking the server. --------------------------------------------------- */

static bool copy_code(struct mpk_trap *trap, uint32_t bytes) {
    if (!may_touch(trap->pc, bytes)) return false;
    memcpy(trap->code, (const void *)trap->pc, bytes);
    trap->code_bytes = bytes;
    return true;
}

/* A signal stack may be two pages, of which the frame takes one; and siblings can write it. So the
 * server has a stack of its own, inside the host domain. No part of it recurses, and signals
 * are blocked: the depth is what the code says, a fraction of this. */
static enum mpk_trap_verdict serve(struct mpk_trap *trap) {
    void (*server)(void) = (void (*)(void))MPK_RUNTIME->trap_server;
    return (enum mpk_trap_verdict)_mpk_on_own_stack(server, trap, trap->stack);
}

static bool has_window(struct mpk_trap *trap) {
    if (trap->window) return true;
    void *window = mmap(NULL, MPK_TRAP_WINDOW_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (window == MAP_FAILED) return false;
    trap->window = (uintptr_t)window;
    return true;
}

static void begin_run(struct mpk_trap *trap, enum mpk_trap_verdict verdict) {
    if (verdict == MPK_TRAP_STEP) trap->flags |= TRAP_FLAG;
    else trap->pc = move_of(trap->element);
    trap->signals = *blocked(trap);
    *blocked(trap) = ASYNCHRONOUS;
    trap->running = verdict;
}

/* pre: host rights. */
static enum trap_outcome ask(struct mpk_trap *trap, enum mpk_trap_phase phase) {
    trap->phase = phase;
    enum mpk_trap_verdict verdict = serve(trap);
    if (verdict == MPK_TRAP_MORE_CODE && trap->code_bytes < MPK_TRAP_CODE_BYTES &&
        copy_code(trap, MPK_TRAP_CODE_BYTES))
        verdict = serve(trap);
    switch (verdict) {
    case MPK_TRAP_STEP:
    case MPK_TRAP_MOVE: begin_run(trap, verdict); break;
    case MPK_TRAP_CONTINUE: break;
    case MPK_TRAP_VIOLATE: into_frame(trap); return TRAP_VIOLATED;
    default: return TRAP_NOT_SERVED;
    }
    into_frame(trap);
    return TRAP_SERVED;
}

/* On mprotect what follows a violation wants memory open. */
static enum trap_outcome let(int was_foreign, enum trap_outcome outcome) {
    if (outcome != TRAP_VIOLATED) mpk_access_end(was_foreign);
    return outcome;
}

enum trap_outcome _mpk_trap_fault(void *context, struct thread_record *record, struct mpk_trap **out) {
    if (MPK_RUNTIME->on_trap == MPK_ON_TRAP_REFUSE || !MPK_RUNTIME->trap_server) return TRAP_NOT_SERVED;
    if (atomic_load(&MPK_RUNTIME->hardened) & (MPK_HARDEN_STACKS | MPK_HARDEN_SIGNALS)) return TRAP_NOT_SERVED;
    int was_foreign = mpk_access_begin();
    if (!record) record = _mpk_thread_born_foreign();
    struct mpk_trap *trap = *out = trap_of(record);
    enum trap_outcome outcome = TRAP_NOT_SERVED;
    trap->running = 0;
    trap->thread = record->thread_id;
    if (take_frame(trap, context) && !(trap->flags & TRAP_FLAG) && has_window(trap) &&
        _mpk_own_stack(&trap->stack, SERVER_STACK_BYTES)) {
        trap->origin = trap->pc;
        uint32_t room = MPK_PAGE_BYTES - (uint32_t)(trap->pc % MPK_PAGE_BYTES);
        if (copy_code(trap, room < MPK_TRAP_CODE_BYTES ? room : MPK_TRAP_CODE_BYTES))
            outcome = ask(trap, MPK_TRAP_FAULTED);
    }
    return let(was_foreign, outcome);
}

enum trap_outcome _mpk_trap_reported(struct mpk_trap *trap) { return ask(trap, MPK_TRAP_REPORTED); }

bool _mpk_trap_is_running(const struct thread_record *record) {
    return MPK_RUNTIME->on_trap != MPK_ON_TRAP_REFUSE && record && _mpk_record_is_foreign(record) &&
           trap_of(record)->running && trap_of(record)->thread == record->thread_id;
}

static bool is_end(const struct mpk_trap *trap, int signal_number, int code) {
    if (trap->running == MPK_TRAP_STEP) return signal_number == SIGTRAP && code == TRAP_TRACE;
    return signal_number == SIGSEGV && code == SI_KERNEL && trap->pc == moved_of(trap->element);
}

enum trap_outcome _mpk_trap_signal(struct thread_record *record, int signal_number, int code, void *context,
                                   struct mpk_trap **out) {
    int was_foreign = mpk_access_begin();
    struct mpk_trap *trap = *out = trap_of(record);
    enum trap_outcome outcome = TRAP_NOT_SERVED;
    uint32_t ran = trap->running;
    bool known = take_frame(trap, context), end = known && is_end(trap, signal_number, code);
    /* What is not at the run's place is another's: the run got lost (a signal handler jumped away). */
    bool here = known && (end || trap->pc == (ran == MPK_TRAP_STEP ? trap->origin : move_of(trap->element)));
    trap->running = 0;
    if (here) {
        if (ran == MPK_TRAP_STEP) trap->flags &= ~(uint64_t)TRAP_FLAG;
        enum trap_outcome answer = ask(trap, end ? MPK_TRAP_ENDED : MPK_TRAP_STOPPED);
        if (answer == TRAP_VIOLATED || end) outcome = answer;
        if (answer != TRAP_NOT_SERVED && !trap->running) *blocked(trap) = trap->signals;
    }
    return let(was_foreign, outcome);
}

/* ---- Settings. ------------------------------------------------------------ */

void mpk_set_trap_server(enum mpk_trap_verdict (*server)(struct mpk_trap *)) { MPK_RUNTIME->trap_server = server; }
enum mpk_on_trap mpk_on_trap(void) { return (enum mpk_on_trap)MPK_RUNTIME->on_trap; }
int mpk_profile_fd(void) { return MPK_RUNTIME->profile_fd; }
