/* report_words.h - the words that a report's text and its JSON line share. */
#ifndef GALEED_MPK_REPORT_WORDS_H
#define GALEED_MPK_REPORT_WORDS_H

#include "mpk_sites.h"
#include "report_place.h"
#include "text.h"

static const char *const kinds[] = {"unknown", "spatial", "temporal", "forged", "rights", "type", "boundary"};
static const char *const actions[] = {"abort", "unwind", "report"};

static inline const char *name_of(const char *const *names, size_t count, uint32_t value) {
    return value < count ? names[value] : names[0];
}
#define NAME(names, value) name_of(names, sizeof names / sizeof *names, value)

/* The lease that the pseudo-pointer stood for, not another of the same number. */
static inline bool is_lease_known(const struct mpk_violation *v) {
    return v->lease && v->generation == v->live_generation;
}

/* " (what the detail is about)", or nothing. */
static inline void add_subject(struct text *text, const struct mpk_violation *v) {
    if (!v->subject[0]) return;
    _mpk_text_add(text, " (");
    _mpk_text_add(text, v->subject);
    _mpk_text_add(text, ")");
}

/* For people, and the JSON line that mpk.h describes: composed, not written. after_action: how
 * the action differs from what was asked for, in words. */
void _mpk_report_text(struct text *text, const struct mpk_violation *v, const struct report_place *place,
                      const struct mpk_sites *sites, const char *after_action);
void _mpk_report_json(struct text *text, const struct mpk_violation *v, const struct report_place *place,
                      const struct mpk_sites *sites);

#endif
