/* report_sites.h - the part of a report that says where things were allocated and freed. */
#ifndef GALEED_MPK_REPORT_SITES_H
#define GALEED_MPK_REPORT_SITES_H

#include "mpk_sites.h"
#include "text.h"

/* Room that one frame may take, and all that comes behind the frames. Frames that leave
 * less are left out: a JSON line is never cut. */
#define REPORT_FRAME_BYTES 1700
#define REPORT_TAIL_BYTES 1024

/* Lines for people; nothing for a site that is not known. */
void _mpk_report_site_text(struct text *text, const char *label, const struct mpk_site *site);
/* "key":{...} or "key":null, and a comma. */
void _mpk_report_site_json(struct text *text, const char *key, const struct mpk_site *site);

#endif
