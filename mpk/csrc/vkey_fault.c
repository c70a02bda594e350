/* vkey_fault.c - page groups in the fault handler, at a thread's end, in fork's
 * child and where mpk_try unwinds.
 *
 * Invariant: a fault on a group is answered from the tables, never from where the
 * pages were when it happened: between the two, the group may have got or lost a
 * key. What the tables allow is tried again; if they allow it and it still faults,
 * that ends after RETRIES (the tables and the kernel disagree: not ours to hide).
 *
 * Runs in a signal handler: takes no lock, allocates nothing.
 */
#include <string.h>
#include <unistd.h>
#include "text.h"
#include "vkey.h"
#include "vkey_hooks.h"
#include "vkey_tasks.h"

#define RETRIES 10000

/* What the calling thread may do with the group: PROT_*. */
static int rights_of(const struct vkey_thread *thread, int index) {
    const struct vkey_group *group = VKEY_GROUP(index);
    if (!_mpk_vkey_is_pku()) return atomic_load(&group->placed);
    int begun = thread ? _mpk_vkey_begun(thread, index) : -1;
    int process = atomic_load(&group->process);
    return begun < 0 ? process : begun | (process & PROT_EXEC);
}

static void tell(int index, uint32_t access) {
    static const char *const verbs[] = {"touched", "read", "wrote", "executed"};
    const struct vkey_group *group = VKEY_GROUP(index);
    char line[200];
    struct text text = _mpk_text(line, sizeof line - 1);
    _mpk_text_add(&text, "galeed: thread ");
    _mpk_text_signed(&text, _mpk_thread_id());
    _mpk_text_add(&text, " ");
    _mpk_text_add(&text, verbs[access <= MPK_ACCESS_EXECUTE ? access : 0]);
    _mpk_text_add(&text, " page group ");
    _mpk_text_decimal(&text, atomic_load(&group->name) - 1);
    if (atomic_load(&group->key)) {
        _mpk_text_add(&text, " (hardware key ");
        _mpk_text_decimal(&text, atomic_load(&group->key));
        _mpk_text_add(&text, ")");
    }
    _mpk_text_add(&text, ", which it has not begun for that");
    text.end++;
    _mpk_text_add(&text, "\n");
    _mpk_text_write(&text, STDERR_FILENO);
}

static bool once_more(uintptr_t address) {
    static _Thread_local __attribute__((tls_model("initial-exec"))) struct {
        uintptr_t address;
        unsigned count;
    } retry; /* no rights hang on it */
    if (retry.address != address) retry.count = 0;
    retry.address = address;
    return ++retry.count < RETRIES;
}

enum vkey_fault _mpk_vkey_fault(uintptr_t address, uint32_t access, bool foreign, uint32_t *pkru) {
    if (!_mpk_vkeys_started()) return VKEY_NOT_OURS;
    int index = _mpk_vkey_at(address);
    if (index < 0) return VKEY_NOT_OURS;
    if (foreign && access != MPK_ACCESS_EXECUTE) return VKEY_FOREIGN;
    const struct thread_record *record = _mpk_thread_find();
    const struct vkey_thread *thread = record ? _mpk_vkey_thread_at(record->slot) : NULL;
    int need = access == MPK_ACCESS_WRITE ? PROT_WRITE : access == MPK_ACCESS_READ ? PROT_READ : PROT_EXEC;
    if (rights_of(thread, index) & need && once_more(address)) {
        if (_mpk_vkey_is_pku() && !foreign)
            *pkru = _mpk_vkey_due(thread, *pkru) & ~(MPK_RUNTIME->published_bits | MPK_RUNTIME->host_bits);
        return VKEY_TRY_AGAIN;
    }
    if (foreign) return VKEY_FOREIGN;
    tell(index, access);
    return VKEY_DENIED;
}

bool _mpk_vkey_holds(uintptr_t address) { return _mpk_vkeys_started() && _mpk_vkey_at(address) >= 0; }

/* The thread's entry as if it had never been. pre: lock. */
static void forget(uint32_t slot) {
    struct vkey_thread *thread = _mpk_vkey_thread_at(slot);
    if (!thread->place) return;
    uint32_t last = VKEYS->active[--VKEYS->active_count];
    VKEYS->active[thread->place - 1] = (uint16_t)last;
    _mpk_vkey_thread_at(last)->place = thread->place;
    VKEYS->dead_hits += thread->hits;
    memset(thread, 0, sizeof *thread);
}

void _mpk_vkey_thread_exit(struct thread_record *record) {
    if (!_mpk_vkeys_started()) return;
    struct vkey_thread *thread = _mpk_vkey_thread_at(record->slot);
    if (!thread->place) return;
    _mpk_vkey_end_to(thread, 0);
    _mpk_extents_lock();
    for (int key = 1; key < VKEY_HARDWARE; key++) { /* what it knew of ages stays known */
        struct vkey_group *group = VKEYS->holder[key] ? VKEY_GROUP(VKEYS->holder[key] - 1) : NULL;
        if (group && (int32_t)(thread->last[key] - group->last) > 0) group->last = thread->last[key];
    }
    forget(record->slot);
    _mpk_extents_unlock();
}

void _mpk_vkey_fork_child(void) {
    if (!_mpk_vkeys_started()) return;
    const struct thread_record *record = _mpk_thread_find();
    for (uint32_t i = VKEYS->active_count; i-- > 0;)
        if (!record || VKEYS->active[i] != record->slot) forget(VKEYS->active[i]);
    if (_mpk_vkey_is_pku()) {
        _mpk_vkey_tasks_forget();
        VKEYS->threads = 0;
        return;
    }
    const struct vkey_thread *thread = record ? _mpk_vkey_thread_at(record->slot) : NULL;
    for (uint32_t i = 0; i < VKEYS->high; i++) {
        struct vkey_group *group = VKEY_GROUP(i);
        if (!atomic_load(&group->name) || !(group->readers | group->writers)) continue;
        int begun = thread ? _mpk_vkey_begun(thread, (int)i) : -1;
        group->readers = begun == PROT_READ;
        group->writers = begun >= 0 && begun & PROT_WRITE;
        if (_mpk_vkey_apply((int)i)) _mpk_fatal("a page group could not be closed in a forked child");
    }
}

uint32_t _mpk_vkey_depth(const struct thread_record *record) {
    return _mpk_vkeys_started() ? _mpk_vkey_thread_at(record->slot)->depth : 0;
}

void _mpk_vkey_leave(struct thread_record *record, uint32_t depth) {
    if (_mpk_vkeys_started()) _mpk_vkey_end_to(_mpk_vkey_thread_at(record->slot), depth);
}
