/* pages.h - host code for rows about where a domain's memory comes from.
 *
 * Called with rights open. Undefended there is no runtime to lend pages or to back a
 * domain by a file: then these do it with system calls, as first thought of.
 */
#ifndef PAGES_H
#define PAGES_H

#include "attack.h"

/* Undefended: puts the first count pages of the domain, secret and all, on a shared
 * mapping of a memory file, tagged as before. Returns its descriptor, which a careless
 * host leaves open; -1 when defended: there the runtime decides what memory it takes. */
int pages_share_with_file(int count);

/* A page that is inside the domain, and foreign code's for now. NULL: refused. */
void *pages_lend(void);
/* Takes it back, and makes it the place of the secret. Returns 0 when the host
 * got the same page for it. */
int pages_take_back(void *page);

#endif
