/* gate.c - into foreign code and back; back into the host for a callback.
 *
 * Invariants: each gate and callback in progress has a frame in the thread's
 * record. Rights are closed whenever the innermost frame is foreign, save inside
 * mpk_access_begin. What a return needs (token, saved rights) is in the record,
 * which foreign code can read and not write.
 *
 * Frames whose token lies below the caller's have no code to return to any more
 * (a panic or longjmp went past them): gates that begin and callbacks that end
 * drop them.
 * Tokens are compared only within the thread's own stack, since addresses of
 * other stacks (coroutines, signal stacks) say nothing about age.
 *
 * A signal handler may use gates between any two instructions here. What it
 * pushes it pops; so the only harm it can do is to the slot that is being filled,
 * and push looks whether it did.
 *
 * Attacker: can call all of this at any time, and jump to it. mpk_gate_exit gives
 * rights to whoever knows the innermost token, and mpk_access_begin to whoever calls
 * it: part STACKS of mpk_harden ends processes that use either (harden_gates.c).
 *
 * Source: [ERIM] for the compare after the write; [Galeed] for callbacks.
 */
#include "host_pkru.h"
#include "prim.h"
#include "record.h"
#include "stacks.h"

static inline bool on_stack(const struct thread_record *record, uintptr_t address) {
    return address - record->stack_low < record->stack_high - record->stack_low;
}

static inline bool is_dead(const struct thread_record *record, const struct gate_frame *frame, uintptr_t token) {
    return frame->token <= token && on_stack(record, frame->token) && on_stack(record, token);
}

static inline void drop_dead(struct thread_record *record, uintptr_t token) {
    while (record->depth && unlikely(is_dead(record, &record->frames[record->depth - 1], token)))
        record->depth--;
}

/* pre: depth < MPK_GATE_DEPTH, and frame is the one of that depth. */
static inline void push_at(struct thread_record *record, struct gate_frame *frame, uint32_t depth,
                           struct gate_frame wanted) {
    frame->token = wanted.token; /* first: the one field in which no other frame is equal */
    atomic_signal_fence(memory_order_seq_cst);
    frame->saved_pkru = wanted.saved_pkru;
    frame->kind = wanted.kind;
    frame->function = wanted.function;
    atomic_signal_fence(memory_order_seq_cst);
    *(volatile uint32_t *)&record->depth = depth + 1;
    atomic_signal_fence(memory_order_seq_cst);
    if (unlikely(*(volatile uintptr_t *)&frame->token != wanted.token)) *frame = wanted; /* a signal handler was here */
    _mpk_record_guess = (uintptr_t)(frame + 1);
}

static inline void push(struct thread_record *record, struct gate_frame wanted) {
    push_at(record, &record->frames[record->depth], record->depth, wanted);
}

static inline void pop(struct thread_record *record) {
    record->depth--;
    _mpk_record_guess = (uintptr_t)&record->frames[record->depth];
}

static _Noreturn __attribute__((noinline, cold)) void plain_refused(const char *what, const char *instead) {
    _mpk_fatal("a plain gate (%s) under part stacks of mpk_harden; %s", what, instead);
}

/* Whatever keeps a gate from its short path: the first one of a thread, or a host stack. */
static __attribute__((noinline, cold)) struct thread_record *first_gate(const void *token) {
    int error = mpk_start();
    if (error) _mpk_fatal("the runtime cannot start: %s", mpk_strerror(error));
    if (_mpk_prim()->is_closed()) _mpk_fatal("a thread that foreign code created entered a gate");
    struct thread_record *record = _mpk_thread_for_gate();
    if (record->hook_tries) _mpk_fatal("a gate inside a report hook (galeed::on_violation), which can call no foreign code");
    _mpk_stacks_settle(record, (uintptr_t)token);
    if ((uintptr_t)token - MPK_HOST_BASE < (uintptr_t)1 << MPK_HOST_SHIFT)
        _mpk_fatal("a plain gate (mpk_gate_enter) on a host stack, which foreign code cannot use; "
                   "inside mpk_host_stack foreign code is called by mpk_call");
    if (_mpk_stacks_in_force()) plain_refused("mpk_gate_enter", "inside mpk_host_stack foreign code is called by mpk_call");
    bool plain = record->host_high == 0 && !MPK_RUNTIME->faults_early;
    record->plain_gates = plain ? MPK_RUNTIME->backend : MPK_BACKEND_NONE;
    return record;
}

static _Noreturn __attribute__((noinline, cold)) void enter_refused(void) {
    _mpk_fatal("mpk_gate_enter was called in foreign code; a gate asks mpk_gate_is_foreign first");
}

static _Noreturn __attribute__((noinline, cold)) void too_deep(void) {
    _mpk_fatal("%s (%d)", mpk_strerror(MPK_ENESTED), MPK_GATE_DEPTH);
}

static _Noreturn __attribute__((noinline, cold)) void wrong_exit(const char *what, void *token,
                                                               const struct thread_record *record) {
    if (!record || !record->depth) _mpk_fatal("%s(%p): this thread is inside no gate", what, token);
    const struct gate_frame *frame = &record->frames[record->depth - 1];
    _mpk_fatal("%s(%p): the innermost frame is the %s with token %lx", what, token,
               frame->kind & FRAME_FOREIGN ? "gate" : "callback", (unsigned long)frame->token);
}

int mpk_gate_is_foreign(void) {
    if (unlikely(!_mpk_started.started)) return 0;
    const struct runtime *runtime = MPK_RUNTIME;
    if (likely(runtime->backend == MPK_BACKEND_PKU)) return _mpk_prim_pku.is_closed();
    return _mpk_prim_mprotect.is_closed();
}

/* pku: after the frame is there. The value is compared with the protected state, read
 * again: a jump to the WRPKRU with other values in the registers ends in close_all, which
 * does it all anew; so does a domain that was created just now. */
static inline void close_behind(struct thread_record *record, uint32_t current) {
    uint64_t guarded = atomic_load_explicit(&MPK_RUNTIME->guarded, memory_order_relaxed);
    uint32_t written = pkru_write_unchecked((current & ~(uint32_t)(guarded >> 32)) | (uint32_t)guarded);
    uint64_t now = _mpk_guarded_now();
    if (unlikely((written & (uint32_t)(now >> 32)) != (uint32_t)now)) _mpk_prim_pku.close_all(record);
}

/* The whole of it: each thread's first gate, frames that a panic left behind, mprotect. */
static __attribute__((noinline)) void enter_slow(void *token, const char *function) {
    struct thread_record *record = likely(_mpk_started.started) ? _mpk_record_of(_mpk_fs_base()) : NULL;
    if (unlikely(!record || !record->plain_gates)) record = first_gate(token);
    bool pku = MPK_RUNTIME->backend == MPK_BACKEND_PKU;
    if (_mpk_prim()->is_closed()) enter_refused();
    drop_dead(record, (uintptr_t)token);
    if (unlikely(record->depth == MPK_GATE_DEPTH)) too_deep();
    uint32_t saved = pku ? pkru_read() : !_mpk_runner_take(record->fs_base);
    push(record, (struct gate_frame){(uintptr_t)token, saved, FRAME_GATE, function});
    if (pku) close_behind(record, saved);
    else _mpk_prim_mprotect.close_all(record);
}

/* The same value, but a compiler does not know: else it takes the one that the guess was
 * compared with, and waits for the loads that went into it. */
static inline uintptr_t apart(uintptr_t guess) {
    __asm__("" : "+r"(guess));
    return guess;
}

/* pku and nothing out of the ordinary. The guess is only where to look first: the register
 * says whose record it is, and the record which frame comes next. */
void mpk_gate_enter(void *token, const char *function) {
    uintptr_t guess = _mpk_guess();
    if (unlikely(!_mpk_started.started || !_mpk_guess_is_in_a_record(guess))) return enter_slow(token, function);
    struct thread_record *record = _mpk_record_around(guess);
    uintptr_t fs_base = _mpk_fs_base();
    uint32_t depth = record->depth;
    if (unlikely(atomic_load_explicit(&record->fs_base, memory_order_relaxed) != fs_base ||
                 record->plain_gates != MPK_BACKEND_PKU || depth >= MPK_GATE_DEPTH ||
                 guess != (uintptr_t)&record->frames[depth]))
        return enter_slow(token, function);
    struct gate_frame *frame = (struct gate_frame *)apart(guess);
    if (unlikely(depth) && frame[-1].token <= (uintptr_t)token) return enter_slow(token, function);
    uint32_t current = pkru_read();
    if (unlikely(current & MPK_RUNTIME->published_bits)) enter_refused();
    push_at(record, frame, depth, (struct gate_frame){(uintptr_t)token, current, FRAME_GATE, function});
    close_behind(record, current);
}

static inline bool is_innermost_gate(const struct thread_record *record, const void *token) {
    return record->depth - 1 < MPK_GATE_DEPTH && record->frames[record->depth - 1].token == (uintptr_t)token &&
           record->frames[record->depth - 1].kind == FRAME_GATE;
}

/* The guarded bits as they were, those of other libraries' keys as they are. */
static inline uint32_t opened_as(uint32_t saved) {
    uint32_t mask = (uint32_t)(atomic_load_explicit(&MPK_RUNTIME->guarded, memory_order_relaxed) >> 32);
    uint32_t now = pkru_read();
    return now ^ ((now ^ saved) & mask);
}

static __attribute__((noinline)) void exit_slow(void *token) {
    if (unlikely(!_mpk_started.started)) wrong_exit("mpk_gate_exit", token, NULL);
    struct thread_record *record = _mpk_record_of(_mpk_fs_base());
    if (unlikely(!record || !is_innermost_gate(record, token))) wrong_exit("mpk_gate_exit", token, record);
    uint32_t saved = record->frames[record->depth - 1].saved_pkru;
    bool early;
    if (MPK_RUNTIME->backend == MPK_BACKEND_PKU) {
        pkru_write(opened_as(saved));
        pop(record);
        early = MPK_RUNTIME->faults_early && !record->depth;
    } else {
        if (likely(_mpk_prim_mprotect.is_closed())) _mpk_prim_mprotect.open_all(record, 1);
        pop(record);
        early = unlikely(MPK_RUNTIME->faults_early) && !record->depth; /* not later: another may close it */
        if (likely(!saved)) _mpk_runner_release();
    }
    if (early) _mpk_faults_stand_aside();
}

/* After the write: part STACKS came into force meanwhile, or this is a jump to the write. So
 * nothing is believed that was found before it. */
static __attribute__((noinline, cold)) void exit_under_stacks(void) {
    _mpk_pkru_check();
    struct thread_record *record = _mpk_thread_find();
    if (record && record->depth) pop(record);
}

/* The record whose innermost gate has this token is the calling thread's: stacks are
 * disjoint, so that a wrong guess holds another token. Where that, or the thread pointer
 * in memory, says otherwise, the register decides. */
void mpk_gate_exit(void *token) {
    uintptr_t guess = _mpk_guess();
    if (unlikely(!_mpk_started.started || !_mpk_guess_is_in_a_record(guess - sizeof(struct gate_frame))))
        return exit_slow(token);
    struct gate_frame *frame = (struct gate_frame *)guess - 1;
    struct thread_record *record = _mpk_record_around((uintptr_t)frame);
    uint32_t depth = record->depth;
    if (unlikely(depth - 1 >= MPK_GATE_DEPTH || guess != (uintptr_t)&record->frames[depth])) return exit_slow(token);
    frame = (struct gate_frame *)apart((uintptr_t)frame);
    uintptr_t pointer; /* the thread pointer in memory: one that foreign code has bent is seen here */
    __asm__ volatile("movq %%fs:0, %0" : "=r"(pointer));
    if (unlikely(frame->token != (uintptr_t)token || frame->kind != FRAME_GATE ||
                 record->plain_gates != MPK_BACKEND_PKU ||
                 atomic_load_explicit(&record->fs_base, memory_order_relaxed) != pointer))
        return exit_slow(token);
    _mpk_record_guess = (uintptr_t)frame; /* here, since nothing that a jump chooses is stored through after it */
    uint32_t wanted = opened_as(frame->saved_pkru), value = wanted;
    __asm__ volatile("" : "+r"(wanted)); /* a copy of its own, not the register of the write */
    uint32_t written = pkru_write_unchecked(value);
    if (unlikely(written != wanted)) _mpk_pkru_differs(wanted, written);
    if (unlikely(_mpk_stacks_in_force())) return exit_under_stacks();
    record->depth = depth - 1;
}

/* pku: the rights that a callback runs with: those of the thread before the gate
 * that it comes out of; for a thread that C created, host and published. */
static uint32_t callback_rights(const struct thread_record *record, uint32_t current) {
    const struct runtime *runtime = MPK_RUNTIME;
    uint32_t mask = (uint32_t)(atomic_load(&runtime->guarded) >> 32);
    if (record && record->depth)
        return (current & ~mask) | (record->frames[record->depth - 1].saved_pkru & mask);
    return current & ~(runtime->published_bits | runtime->host_bits);
}

void mpk_callback_enter(void *token) {
    if (unlikely(!_mpk_started.started)) _mpk_fatal("mpk_callback_enter before mpk_start");
    if (unlikely(_mpk_stacks_in_force())) plain_refused("mpk_callback_enter", "callbacks come in by mpk_call_back");
    const struct mpk_prim *prim = _mpk_prim();
    struct thread_record *record = _mpk_thread_find();
    bool pku = MPK_RUNTIME->backend == MPK_BACKEND_PKU;
    bool was_foreign = prim->is_closed();
    uint32_t saved = was_foreign;
    if (pku) {
        saved = pkru_read();
        if (was_foreign) pkru_write(callback_rights(record, saved));
    } else if (was_foreign) {
        prim->open_all(record, 1);
    }
    if (!record) record = was_foreign ? _mpk_thread_born_foreign() : _mpk_thread();
    /* Nothing is dropped here: the gate that this comes out of is alive, and its
     * token may lie on either side of ours when a compiler merged the frames. */
    if (unlikely(record->depth == MPK_GATE_DEPTH)) too_deep();
    push(record, (struct gate_frame){(uintptr_t)token, saved, FRAME_CALLBACK, NULL});
    if (!pku && was_foreign) _mpk_runner_release();
}

void mpk_callback_exit(void *token) {
    struct thread_record *record = likely(_mpk_started.started) ? _mpk_thread_find() : NULL;
    if (!record || _mpk_prim()->is_closed()) wrong_exit("mpk_callback_exit", token, record);
    if (record->depth && record->frames[record->depth - 1].token != (uintptr_t)token)
        drop_dead(record, (uintptr_t)token - 1);
    if (!record->depth || record->frames[record->depth - 1].token != (uintptr_t)token ||
        record->frames[record->depth - 1].kind != FRAME_CALLBACK)
        wrong_exit("mpk_callback_exit", token, record);
    uint32_t saved = record->frames[record->depth - 1].saved_pkru;
    if (MPK_RUNTIME->backend == MPK_BACKEND_PKU) {
        bool was_foreign = (saved & MPK_RUNTIME->published_bits) != 0;
        pop(record);
        if (was_foreign) _mpk_prim_pku.close_all(record);
    } else if (saved) {
        _mpk_runner_take(record->fs_base);
        pop(record);
        _mpk_prim_mprotect.close_all(record);
    } else {
        pop(record);
    }
}

static int open_for_access(void) {
    if (MPK_RUNTIME->backend == MPK_BACKEND_PKU)
        pkru_write(pkru_read() & ~(MPK_RUNTIME->published_bits | MPK_RUNTIME->host_bits));
    else
        _mpk_prim_mprotect.open_all(_mpk_thread_find(), 1);
    return 1;
}

int mpk_access_begin(void) {
    if (!mpk_gate_is_foreign()) return 0;
    if (unlikely(_mpk_stacks_in_force())) plain_refused("mpk_access_begin", "the host is called by mpk_call_back");
    return open_for_access();
}

int _mpk_access_begin_to(const char *what) {
    if (!mpk_gate_is_foreign()) return 0;
    if (_mpk_stays_closed()) _mpk_fatal("foreign code %s; under part stacks of mpk_harden only the host may", what);
    return open_for_access();
}

void mpk_access_end(int was_foreign) {
    if (was_foreign) _mpk_prim()->close_all(_mpk_thread_find());
}

/* On one stack, tokens part host from foreign frames: above a gate's lies the host,
 * above a callback's foreign code, and below the last what that one began. */
static int host_side(const struct thread_record *record, uintptr_t low, uintptr_t high, uintptr_t address, int host) {
    for (uint32_t i = 0; i < record->depth; i++) {
        const struct gate_frame *frame = &record->frames[i];
        if (frame->token - low >= high - low || frame->kind >= FRAME_CALL_BACK) continue; /* another stack's affair */
        if (address >= frame->token) return frame->kind & FRAME_FOREIGN;
        host = !(frame->kind & FRAME_FOREIGN);
    }
    return host;
}

int mpk_gate_host_frame(uintptr_t address) {
    const struct thread_record *record = _mpk_thread_find();
    if (!record) return 0;
    if (on_stack(record, address))
        return host_side(record, record->stack_low, record->stack_high, address, !record->born_foreign);
    if (address - record->foreign_low < record->foreign_high - record->foreign_low)
        return host_side(record, record->foreign_low, record->foreign_high, address, 0);
    return address - record->host_low < record->host_high - record->host_low;
}

const char *mpk_gate_function(void) {
    const struct thread_record *record = _mpk_started.started ? _mpk_thread_find() : NULL;
    for (uint32_t i = record ? record->depth : 0; i-- > 0;)
        if (record->frames[i].kind & FRAME_FOREIGN) return record->frames[i].function;
    return record && record->born_foreign ? "a thread of its own" : NULL;
}
