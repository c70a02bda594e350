/* harden_gates.c - part STACKS: foreign code is entered by mpk_call, and left by nothing
 * but its way back.
 *
 * Plain gates give rights to whoever knows the innermost token, and their host
 * frames lie where foreign code writes; with this part they end the process. All other
 * places that open rights ask host_pkru.h's question after they have.
 *
 * Invariant: the flag is set before the records are gone through, and a gate's way back
 * checks it after the write: a thread that enters a plain gate meanwhile does not return.
 *
 * mprotect: rights change by system calls, which foreign code can make itself: there
 * the part keeps stacks and registers apart, and the refusals, but no one's hands off
 * the rights (THREAT_MODEL.md).
 *
 * Source: [Hodor], [ERIM], [Donky].
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include "harden.h"
#include "host_pkru.h"
#include "prim.h"
#include "stacks.h"

#define IDLE_STACKS 16 /* for threads that begin after the domains are frozen */

static bool is_host_by_record(void) {
    const struct thread_record *record = _mpk_record_of(_mpk_fs_base());
    return record && !_mpk_record_is_foreign(record);
}

bool _mpk_stays_closed(void) {
    return MPK_RUNTIME->backend == MPK_BACKEND_PKU && _mpk_stacks_in_force() && !is_host_by_record();
}

/* Access-disabled means write-disabled too: the kernel's handlers start with that bit alone. */
static bool opens(uint32_t pkru, uint32_t closed) {
    uint32_t has = pkru | (pkru & 0x55555555u) << 1;
    return (closed & ~has) != 0;
}

void _mpk_pkru_check(void) {
    uint64_t guarded = _mpk_guarded_now();
    uint32_t found = pkru_read();
    if (is_host_by_record() || !opens(found, (uint32_t)guarded)) return;
    /* Closed before a word is said: the stack may be the attacker's, siblings and all. */
    pkru_write_or_trap((found & ~(uint32_t)(guarded >> 32)) | (uint32_t)guarded);
    _mpk_fatal("foreign code came by its rights at another place than the end of its mpk_call (a jump into the "
               "middle of the runtime?)");
}

static uint32_t plain_gates_open(void) {
    uint32_t open = 0;
    for (uint32_t slot = 0; slot < MPK_THREADS; slot++) {
        if (!_mpk_record_was_used(slot)) continue;
        const struct thread_record *record = _mpk_record_at(slot);
        if (atomic_load(&record->fs_base) <= RECORD_LOST) continue;
        for (uint32_t i = 0; i < record->depth; i++) open += record->frames[i].kind < FRAME_CALL_BACK;
    }
    return open;
}

int _mpk_harden_stacks_check(struct hardening *h) {
    const struct thread_record *record = _mpk_thread();
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    if (here - record->host_low >= record->host_high - record->host_low)
        return _mpk_harden_refuse(h, MPK_HARDEN_STACKS, "the host must be on a stack of its own: call mpk_host_stack near "
                                  "the thread's start, and mpk_harden inside its body (not to be had in Python)");
    if (mpk_policy() != MPK_ON_VIOLATION_ABORT)
        return _mpk_harden_refuse(h, MPK_HARDEN_STACKS, "needs GALEED_ON_VIOLATION=abort: to unwind or to go on is a way "
                                  "back into the host beside the call gate's");
    uint32_t open = plain_gates_open();
    if (open)
        return _mpk_harden_refuse(h, MPK_HARDEN_STACKS, "%u plain gates are open (mpk_gate_enter, mpk_callback_enter), on "
                                  "this thread or others; leave them first", open);
    return 0;
}

static int note_on_started_page(void) {
    if (mprotect(&_mpk_started, sizeof _mpk_started, PROT_READ | PROT_WRITE)) return MPK_EKERNEL;
    _mpk_started.stacks = 1;
    return mprotect(&_mpk_started, sizeof _mpk_started, PROT_READ) ? MPK_EKERNEL : 0;
}

int _mpk_harden_stacks_apply(struct hardening *h) {
    int error = MPK_RUNTIME->backend == MPK_BACKEND_PKU ? _mpk_stacks_make_idle(IDLE_STACKS) : 0;
    if (error) return _mpk_harden_refuse(h, MPK_HARDEN_STACKS, "host stacks cannot be made (%s)", mpk_strerror(error));
    if (note_on_started_page())
        return _mpk_harden_refuse(h, MPK_HARDEN_STACKS, "the start page is sealed already; ask for it with seal or before");
    atomic_fetch_or(&MPK_RUNTIME->hardened, MPK_HARDEN_STACKS);
    for (uint32_t slot = 0; slot < MPK_THREADS; slot++) {
        if (!_mpk_record_was_used(slot)) continue;
        struct thread_record *record = _mpk_record_at(slot);
        if (atomic_load(&record->fs_base) > RECORD_LOST) record->plain_gates = 0;
    }
    return 0;
}
