/* report.c - tells people and programs what was violated, then does what the
 * policy says.
 *
 * Invariant: a violation is reported before anything is done about it, and is
 * never lost silently; what could not be done as asked (unwind without an
 * mpk_try) is said in the report.
 *
 * Runs in a signal handler too, on a small signal stack: text is composed in the
 * thread's part of the published range, by report_text.c and report_json.c. One
 * write for the text, one for the JSON line (the file is open for appending), so
 * that lines of several threads and processes don't mix.
 *
 * Attacker: caused the violation, and can close or redirect file descriptors: a
 * report can be lost that way, the action is taken regardless.
 */
#define _GNU_SOURCE
#include <sys/prctl.h>
#include <unistd.h>
#include "record.h"
#include "report.h"
#include "report_hook.h"
#include "report_place.h"
#include "report_words.h"
#include "sites.h"
#include "try.h"

/* Other languages declare these too (mpk/rust/src/ffi.rs asserts the same). */
_Static_assert(sizeof(struct mpk_violation) == 248 && sizeof(struct mpk_allocation) == 32 &&
               sizeof(struct mpk_heap_hooks) == 16 && sizeof(struct mpk_heap_stats) == 88, "layout of mpk.h");

static void learn_thread(struct mpk_violation *v) {
    v->thread = _mpk_thread_id();
    if (prctl(PR_GET_NAME, v->thread_name)) v->thread_name[0] = '\0';
    v->thread_name[sizeof v->thread_name - 1] = '\0';
}

/* room: bytes to compose in. */
static void write_both(char *room, size_t bytes, const struct mpk_violation *v, const struct mpk_sites *sites,
                       const char *after_action) {
    struct report_place place;
    _mpk_report_place(v->pc, &place);
    struct text text = _mpk_text(room, bytes);
    _mpk_report_text(&text, v, &place, sites, after_action);
    _mpk_text_write(&text, STDERR_FILENO);
    if (MPK_RUNTIME->report_fd >= 0) {
        text = _mpk_text(room, bytes);
        _mpk_report_json(&text, v, &place, sites);
        _mpk_text_write(&text, MPK_RUNTIME->report_fd);
    }
}

void _mpk_report_closed(struct mpk_violation *v) {
    char page[MPK_PAGE_BYTES]; /* siblings can write it: the report, and nothing more, is theirs to spoil */
    learn_thread(v);
    v->action = MPK_ON_VIOLATION_ABORT;
    write_both(page, sizeof page, v, &(struct mpk_sites){0}, ""); /* the sites are the domain's to say, too */
    _mpk_abort();
}

static struct mpk_sites *sites_of(const struct thread_record *record) {
    return (struct mpk_sites *)(MPK_PUBLISHED_BASE + MPK_REPORTS_OFFSET + (uintptr_t)record->slot * MPK_REPORT_BYTES);
}

void _mpk_report(struct thread_record *record, struct mpk_violation *v, enum after_report after) {
    learn_thread(v);
    if (!v->function) v->function = mpk_gate_function();
    v->action = mpk_policy();
    const char *after_action = "";
    if (v->action == MPK_ON_VIOLATION_UNWIND && record->tries == 0) {
        after_action = " (unwind was asked for, but no galeed::catch (C: mpk_try, Python: Table.attempt) encloses this call)";
        v->action = MPK_ON_VIOLATION_ABORT;
    } else if (v->action == MPK_ON_VIOLATION_UNWIND && _mpk_report_hook_holds(record)) {
        after_action = " (unwind was asked for, but this is inside a report hook, with no galeed::catch in it)";
        v->action = MPK_ON_VIOLATION_ABORT;
    } else if (v->action == MPK_ON_VIOLATION_UNWIND && _mpk_try_is_held(record)) {
        after_action = " (unwind was asked for, but that would drop frames of the host's, in a callback)";
        v->action = MPK_ON_VIOLATION_ABORT;
    } else if (v->action == MPK_ON_VIOLATION_REPORT && after == CANNOT_GO_ON) {
        after_action = " (report was asked for, but this access cannot be let through)";
        v->action = MPK_ON_VIOLATION_ABORT;
    } else if (v->action == MPK_ON_VIOLATION_REPORT) {
        after_action = after == GOES_ON_REFUSED
            ? " only: the access is not performed (reads and calls give zeros, writes and frees do nothing)"
            : " only: the program goes on UNPROTECTED from here, for this foreign call at least";
    }
    struct mpk_sites *sites = sites_of(record);
    _mpk_sites_find(v, sites);
    write_both((char *)(sites + 1), MPK_REPORT_BYTES - sizeof *sites, v, sites, after_action);
    _mpk_report_hook_call(record, v);
    _mpk_sites_find(v, sites); /* of what was reported inside the hook they are no more */
    if (v->action == MPK_ON_VIOLATION_ABORT) _mpk_abort();
    if (v->action == MPK_ON_VIOLATION_UNWIND) {
        record->last_violation = *v;
        record->has_violation = 1;
    }
}

void mpk_violate(struct mpk_violation *violation) {
    struct thread_record *record = _mpk_thread();
    _mpk_report(record, violation, GOES_ON_REFUSED);
    if (violation->action == MPK_ON_VIOLATION_UNWIND) _mpk_unwind(record);
}

int mpk_last_violation(struct mpk_violation *out) {
    const struct thread_record *record = _mpk_started.started ? _mpk_thread_find() : NULL;
    if (!record || !record->has_violation) return 0;
    *out = record->last_violation;
    return 1;
}

int mpk_last_sites(struct mpk_sites *out) {
    const struct thread_record *record = _mpk_started.started ? _mpk_thread_find() : NULL;
    if (!record) return 0;
    *out = *sites_of(record);
    return 1;
}
