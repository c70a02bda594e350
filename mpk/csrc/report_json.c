/* report_json.c - what programs are told of a violation: one line, described in mpk.h and by
 * report.schema.json. Async-signal-safe, as report.c needs.
 *
 * Attacker: chose the addresses and sizes; every string is escaped.
 */
#define _GNU_SOURCE
#include <time.h>
#include "internal.h"
#include "report_sites.h"
#include "report_words.h"

#define NS_PER_S 1000000000u
#define DETAIL_BYTES 255 /* a clause, and its subject */

static const char *const accesses[] = {NULL, "read", "write", "execute", "free"};

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

static void key_detail(struct text *text, const struct mpk_violation *v) {
    char whole[DETAIL_BYTES + 1];
    struct text joined = _mpk_text(whole, DETAIL_BYTES);
    if (v->detail) {
        _mpk_text_add(&joined, v->detail);
        add_subject(&joined, v);
    }
    *joined.at = '\0';
    key_string(text, "detail", v->detail ? whole : NULL);
}

static void key_signed(struct text *text, const char *key, int64_t number, bool known) {
    _mpk_text_json(text, key);
    _mpk_text_add(text, ":");
    if (known) _mpk_text_signed(text, number);
    else _mpk_text_add(text, "null");
    _mpk_text_add(text, ",");
}

void _mpk_report_json(struct text *text, const struct mpk_violation *v, const struct report_place *place,
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
    key_detail(text, v);
    _mpk_report_site_json(text, "allocated", &sites->allocated);
    _mpk_report_site_json(text, "ended", &sites->ended);
    _mpk_text_add(text, "\"time_ns\":");
    _mpk_text_decimal(text, (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec);
    _mpk_text_add(text, "}\n");
}
