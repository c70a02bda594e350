/* report_sites.c - see report_sites.h. Async-signal-safe, like report.c. */
#include <string.h>
#include "report_place.h"
#include "report_sites.h"

#define LABEL_WIDTH 11

static bool has_room(const struct text *text) {
    return (size_t)(text->end - text->at) >= REPORT_FRAME_BYTES + REPORT_TAIL_BYTES;
}

static void indent(struct text *text, const char *label) {
    _mpk_text_add(text, "\n  ");
    _mpk_text_add(text, label);
    for (size_t width = strlen(label); width < LABEL_WIDTH; width++) _mpk_text_add(text, " ");
}

void _mpk_report_site_text(struct text *text, const char *label, const struct mpk_site *site) {
    if (!site->count) return;
    indent(text, label);
    _mpk_text_add(text, "by thread ");
    _mpk_text_signed(text, site->thread);
    _mpk_text_add(text, ", innermost call first (galeed-report says file and line)");
    for (uint32_t i = 0; i < site->count && has_room(text); i++) {
        struct report_place place;
        _mpk_report_place(site->frames[i], &place);
        indent(text, "");
        if (!place.known) {
            _mpk_text_hex(text, site->frames[i]);
            continue;
        }
        const char *name = strrchr(place.path, '/');
        _mpk_text_add(text, place.program ? "program" : name + 1);
        _mpk_text_add(text, " + ");
        _mpk_text_hex(text, place.offset);
    }
}

static void frame_json(struct text *text, uint64_t pc) {
    struct report_place place;
    _mpk_report_place(pc, &place);
    _mpk_text_add(text, "{\"pc\":\"");
    _mpk_text_hex(text, pc);
    _mpk_text_add(text, "\",\"module\":");
    _mpk_text_json(text, place.path[0] ? place.path : NULL);
    _mpk_text_add(text, ",\"module_offset\":");
    if (place.known) {
        _mpk_text_add(text, "\"");
        _mpk_text_hex(text, place.offset);
        _mpk_text_add(text, "\"");
    } else {
        _mpk_text_add(text, "null");
    }
    _mpk_text_add(text, "}");
}

void _mpk_report_site_json(struct text *text, const char *key, const struct mpk_site *site) {
    _mpk_text_json(text, key);
    if (!site->count) {
        _mpk_text_add(text, ":null,");
        return;
    }
    _mpk_text_add(text, ":{\"thread\":");
    _mpk_text_signed(text, site->thread);
    _mpk_text_add(text, ",\"frames\":[");
    for (uint32_t i = 0; i < site->count && has_room(text); i++) {
        if (i) _mpk_text_add(text, ",");
        frame_json(text, site->frames[i]);
    }
    _mpk_text_add(text, "]},");
}
