/* sites.h - what host.c, domain.c and the report need of sites.c. */
#ifndef GALEED_MPK_SITES_INTERNAL_H
#define GALEED_MPK_SITES_INTERNAL_H

#include "internal.h"
#include "mpk_sites.h"

/* Makes the tables, once, where the level is not off. pre: the domain is open. errors: ENOMEM. */
int _mpk_sites_start(mpk_domain *domain);
/* The allocator's: this was allocated just now; this is about to be freed. NULL is ignored.
 * pre: host rights. */
void _mpk_site_born(const void *base);
void _mpk_site_dies(const void *base);
/* What is known of that violation. Takes no lock, allocates nothing. pre: host rights. */
void _mpk_sites_find(const struct mpk_violation *violation, struct mpk_sites *out);

#endif
