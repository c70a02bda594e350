/* report_text.c - what people are told of a violation. Async-signal-safe, as report.c needs.
 *
 * Attacker: chose the addresses and sizes; names of threads are the program's, and escaped.
 */
#include <string.h>
#include "internal.h"
#include "report_sites.h"
#include "report_words.h"

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

void _mpk_report_text(struct text *text, const struct mpk_violation *v, const struct report_place *place,
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
        add_subject(text, v);
    }
    item(text, "to do");
    _mpk_text_add(text, advice(v));
    item(text, "action");
    _mpk_text_add(text, NAME(actions, v->action));
    _mpk_text_add(text, after_action);
    _mpk_text_add(text, "\n");
}
