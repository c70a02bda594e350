/* report.c - tells people and programs what was violated, then does what the
 * policy says.
 *
 * Invariant: a violation is reported before anything is done about it, and is
 * never lost silently; what could not be done as asked (unwind without an
 * mpk_try) is said in the report.
 *
 * Runs in a signal handler too, on a small signal stack: text is composed in the
 * thread's part of the published range, by text.c alone. One write for the text,
 * one for the JSON line (the file is open for appending), so that lines of
 * several threads and processes don't mix.
 *
 * Attacker: caused the violation, and can close or redirect file descriptors: a
 * report can be lost that way, the action is taken regardless.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include "record.h"
#include "report.h"
#include "report_hook.h"
#include "report_place.h"
#include "report_sites.h"
#include "sites.h"
#include "text.h"
#include "try.h"

/* Other languages declare these too (mpk/rust/src/ffi.rs asserts the same). */
_Static_assert(sizeof(struct mpk_violation) == 152 && sizeof(struct mpk_allocation) == 32 &&
               sizeof(struct mpk_heap_hooks) == 16 && sizeof(struct mpk_heap_stats) == 88, "layout of mpk.h");

#define NS_PER_S 1000000000u

static const char *const kinds[] = {"unknown", "spatial", "temporal", "forged", "rights", "type", "boundary"};
static const char *const accesses[] = {NULL, "read", "write", "execute", "free"};
static const char *const actions[] = {"abort", "unwind", "report"};

static const char *name_of(const char *const *names, size_t count, uint32_t value) {
    return value < count ? names[value] : names[0];
}
#define NAME(names, value) name_of(names, sizeof names / sizeof *names, value)

static void item(struct text *text, const char *label) {
    _mpk_text_add(text, "\n  ");
    _mpk_text_add(text, label);
    for (size_t width = strlen(label); width < 11; width++) _mpk_text_add(text, " ");
}

static void bytes_of(struct text *text, uint64_t bytes) {
    _mpk_text_decimal(text, bytes);
    _mpk_text_add(text, bytes == 1 ? " byte" : " bytes");
}

static void add_headline(struct text *text, const struct mpk_violation *v) {
    static const char *const did[] = {"touched", "read", "wrote", "executed", "freed"};
    static const char *const tried[] = {"tried to touch", "tried to read", "tried to write", "tried to execute",
                                        "tried to free"};
    _mpk_text_add(text, "galeed: ");
    _mpk_text_add(text, NAME(kinds, v->kind));
    _mpk_text_add(text, " violation: ");
    _mpk_text_add(text, v->function ? "foreign code in " : "host code");
    if (v->function) _mpk_text_add(text, v->function);
    _mpk_text_add(text, " ");
    /* Of foreign code the attempt is seen. What the host's own heap checks find has happened. */
    _mpk_text_add(text, v->function ? NAME(tried, v->access) : NAME(did, v->access));
    _mpk_text_add(text, " ");
    if (v->bytes) bytes_of(text, v->bytes);
    else _mpk_text_add(text, "memory");
    _mpk_text_add(text, " that it may not");
}

static void add_where(struct text *text, const struct mpk_violation *v, const struct report_place *place) {
    item(text, "where");
    _mpk_text_add(text, v->function ? v->function : "outside any foreign function");
    if (v->pc) {
        _mpk_text_add(text, ", pc ");
        _mpk_text_hex(text, v->pc);
        if (place->known) { /* addr2line counts from there, too */
            const char *name = strrchr(place->path, '/');
            _mpk_text_add(text, " (");
            _mpk_text_add(text, place->program ? "program" : name + 1);
            _mpk_text_add(text, " + ");
            _mpk_text_hex(text, place->offset);
            _mpk_text_add(text, "; addr2line -f -e ");
            _mpk_text_add(text, place->program ? "PROGRAM" : place->path);
            _mpk_text_add(text, " ");
            _mpk_text_hex(text, place->offset);
            _mpk_text_add(text, ")");
        }
    }
    _mpk_text_add(text, ", thread ");
    _mpk_text_signed(text, v->thread);
    if (v->thread_name[0]) {
        _mpk_text_add(text, " ");
        _mpk_text_json(text, v->thread_name);
    }
}

/* The lease that the pseudo-pointer stood for, not another of the same number. */
static bool is_lease_known(const struct mpk_violation *v) {
    return v->lease && v->generation == v->live_generation;
}

/* What it was is known still, because nothing else has its number yet. */
static bool has_lease_ended(const struct mpk_violation *v) { return v->kind == MPK_TEMPORAL && is_lease_known(v); }

static void add_allocation(struct text *text, const struct mpk_violation *v) {
    item(text, "allocation");
    if (!v->allocation) {
        _mpk_text_add(text, "none that lives");
        return;
    }
    if (has_lease_ended(v)) _mpk_text_add(text, "was ");
    bytes_of(text, v->allocation_bytes);
    _mpk_text_add(text, " at ");
    _mpk_text_hex(text, v->allocation);
    if (!v->address) return;
    _mpk_text_add(text, "; the access is at offset ");
    _mpk_text_signed(text, (int64_t)(v->address - v->allocation));
}

static void add_lease(struct text *text, const struct mpk_violation *v) {
    if (v->handle) {
        item(text, "handle");
        _mpk_text_hex(text, v->handle);
        _mpk_text_add(text, ", generation ");
        _mpk_text_decimal(text, v->generation);
    }
    if (!v->lease) return;
    item(text, "lease");
    _mpk_text_add(text, "#");
    _mpk_text_decimal(text, v->lease - 1);
    if (is_lease_known(v)) {
        _mpk_text_add(text, v->mapped ? ", mapped, " : ", private, ");
        bytes_of(text, v->bound);
    }
    _mpk_text_add(text, has_lease_ended(v) ? ", ended, was generation " : ", generation now ");
    _mpk_text_decimal(text, v->live_generation);
    if (!is_lease_known(v)) return;
    _mpk_text_add(text, "; the access is at offset ");
    _mpk_text_signed(text, v->offset);
}

static const char *advice(const struct mpk_violation *v) {
    if (v->access == MPK_ACCESS_FREE && !v->handle)
        return "free an allocation once, in its own domain, by the pointer, size and alignment it was given with";
    bool host = !v->function && !v->lease && !v->handle;
    switch (v->kind) {
    case MPK_SPATIAL:
        if (host) return "host code leaves an allocation of its own: check the length arithmetic of its unsafe code";
        return "the foreign code leaves the object that it was lent: check its length arithmetic";
    case MPK_TEMPORAL:
        if (host) return "host code kept a pointer to memory that it has freed: look for unsafe code that outlives it";
        return "the foreign code kept a pointer to an object that the host has freed: keep the object "
               "alive longer, or make the foreign code forget it";
    case MPK_FORGED: return "the pointer was never lent by this process: it was made up or overwritten";
    case MPK_RIGHTS:
        if (v->access == MPK_ACCESS_FREE) return "the host owns this memory: have a function of the host free it";
        if (v->access == MPK_ACCESS_EXECUTE)
            return "call the closure on its own thread, or lend one that any thread may call";
        return "lend the object as mutable, its field neither hidden nor read-only, if foreign code is "
               "meant to do this";
    case MPK_TYPE:
        if (v->access == MPK_ACCESS_EXECUTE)
            return "the foreign code calls what is no function of the host, or passes one callback's "
                   "user data to another";
        return "the value is none that its type may hold, or the pointer is to a function or closure";
    case MPK_BOUNDARY:
        if (v->handle)
            return v->function ? "libc and other code that galeed-cc did not compile cannot use lent memory by itself: give it "
                                 "copies (on-unrewritten-call = \"copy\" in galeed.toml), have its accesses served "
                                 "(GALEED_ON_TRAP=serve), or compile it with galeed-cc"
                               : "build the program by cargo galeed; a pointer that C kept for the host becomes an "
                                 "address only where C returns it or passes it to a callback";
        return v->function ? "the foreign code used an address of host memory that it was not lent in this call "
                             "(a stale or made-up pointer)"
                           : "open the domain before using it (mpk_domain_open)";
    default: return "see the rest of this report";
    }
}

static void compose_text(struct text *text, const struct mpk_violation *v, const struct report_place *place,
                         const struct mpk_sites *sites, const char *after_action) {
    add_headline(text, v);
    add_where(text, v, place);
    item(text, "address");
    if (v->address) _mpk_text_hex(text, v->address);
    else _mpk_text_add(text, "unknown");
    if (v->key >= 0) {
        _mpk_text_add(text, ", protection key ");
        _mpk_text_signed(text, v->key);
    }
    _mpk_text_add(text, ", backend ");
    _mpk_text_add(text, mpk_backend_name());
    add_allocation(text, v);
    add_lease(text, v);
    _mpk_report_site_text(text, "allocated", &sites->allocated);
    _mpk_report_site_text(text, "ended", &sites->ended);
    if (v->detail) {
        item(text, "detail");
        _mpk_text_add(text, v->detail);
    }
    item(text, "to do");
    _mpk_text_add(text, advice(v));
    item(text, "action");
    _mpk_text_add(text, NAME(actions, v->action));
    _mpk_text_add(text, after_action);
    _mpk_text_add(text, "\n");
}

static void key_number(struct text *text, const char *key, uint64_t number, bool known) {
    _mpk_text_json(text, key);
    _mpk_text_add(text, ":");
    if (known) _mpk_text_decimal(text, number);
    else _mpk_text_add(text, "null");
    _mpk_text_add(text, ",");
}

/* Addresses and handles are strings: JSON readers lose bits above 2^53. */
static void key_address(struct text *text, const char *key, uint64_t address) {
    _mpk_text_json(text, key);
    _mpk_text_add(text, address ? ":\"" : ":null");
    if (address) {
        _mpk_text_hex(text, address);
        _mpk_text_add(text, "\"");
    }
    _mpk_text_add(text, ",");
}

static void key_string(struct text *text, const char *key, const char *string) {
    _mpk_text_json(text, key);
    _mpk_text_add(text, ":");
    _mpk_text_json(text, string);
    _mpk_text_add(text, ",");
}

static void key_signed(struct text *text, const char *key, int64_t number, bool known) {
    _mpk_text_json(text, key);
    _mpk_text_add(text, ":");
    if (known) _mpk_text_signed(text, number);
    else _mpk_text_add(text, "null");
    _mpk_text_add(text, ",");
}

static void compose_json(struct text *text, const struct mpk_violation *v, const struct report_place *place,
                         const struct mpk_sites *sites) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    _mpk_text_add(text, "{");
    key_string(text, "violation", NAME(kinds, v->kind));
    key_string(text, "access", NAME(accesses, v->access));
    key_string(text, "function", v->function);
    key_address(text, "address", v->address);
    key_number(text, "bytes", v->bytes, v->bytes != 0);
    key_address(text, "handle", v->handle);
    _mpk_text_add(text, "\"lease\":");
    if (v->lease) {
        _mpk_text_add(text, "{");
        key_number(text, "index", v->lease - 1, true);
        key_number(text, "generation", v->generation, true);
        key_number(text, "live_generation", v->live_generation, true);
        key_string(text, "kind", !is_lease_known(v) ? NULL : v->mapped ? "mapped" : "private");
        _mpk_text_add(text, "\"bound\":");
        if (is_lease_known(v)) _mpk_text_decimal(text, v->bound);
        else _mpk_text_add(text, "null");
        _mpk_text_add(text, "},");
    } else {
        _mpk_text_add(text, "null,");
    }
    key_signed(text, "offset", v->offset, is_lease_known(v));
    _mpk_text_add(text, "\"allocation\":");
    if (v->allocation) {
        _mpk_text_add(text, "{");
        key_address(text, "base", v->allocation);
        _mpk_text_add(text, "\"bytes\":");
        _mpk_text_decimal(text, v->allocation_bytes);
        _mpk_text_add(text, "},");
    } else {
        _mpk_text_add(text, "null,");
    }
    key_signed(text, "key", v->key, v->key >= 0);
    key_string(text, "backend", mpk_backend_name());
    key_signed(text, "thread", v->thread, true);
    key_string(text, "thread_name", v->thread_name);
    key_address(text, "pc", v->pc);
    key_string(text, "module", place->path[0] ? place->path : NULL);
    key_address(text, "module_offset", place->known ? place->offset : 0);
    key_string(text, "action", NAME(actions, v->action));
    key_string(text, "detail", v->detail);
    _mpk_report_site_json(text, "allocated", &sites->allocated);
    _mpk_report_site_json(text, "ended", &sites->ended);
    _mpk_text_add(text, "\"time_ns\":");
    _mpk_text_decimal(text, (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec);
    _mpk_text_add(text, "}\n");
}

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
    compose_text(&text, v, &place, sites, after_action);
    _mpk_text_write(&text, STDERR_FILENO);
    if (MPK_RUNTIME->report_fd >= 0) {
        text = _mpk_text(room, bytes);
        compose_json(&text, v, &place, sites);
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
