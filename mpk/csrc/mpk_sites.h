/* mpk_sites.h - where allocations were made and where leases ended, for reports: GALEED_SITES.
 *
 *   off      (default) nothing is recorded
 *   sampled  one allocation in MPK_SITE_SAMPLING, with all that happens to it
 *   full     each of them
 *
 * A *site* is the call stack of a moment: the return addresses from the inside outwards. They
 * are kept inside the host domain, in tables of a fixed size: what is newer displaces what is
 * older, and what was displaced is not known any more, never another's.
 *
 * Recorded are the allocations of the host's global allocator (mpk_host_alloc and its kin).
 *
 * ASSUMES: the stack that is walked may have been written by foreign code, as every stack may.
 * A site is what reports say, and decides nothing; the walk ends where foreign frames begin.
 * It reads what the frames say, as the unwinder of a language does for its exceptions.
 */
#ifndef GALEED_MPK_SITES_H
#define GALEED_MPK_SITES_H

#include "mpk.h"

#ifdef __cplusplus
extern "C" {
#endif

enum mpk_site_level { MPK_SITES_OFF = 0, MPK_SITES_SAMPLED = 1, MPK_SITES_FULL = 2 };
#define MPK_SITE_SAMPLING 64
#define MPK_SITE_FRAMES 24

struct mpk_site {
    int32_t thread;                   /* kernel thread id */
    uint32_t count;                   /* frames that are known; 0: the site is not */
    uint64_t frames[MPK_SITE_FRAMES]; /* inside the calls; innermost first */
};
struct mpk_sites { struct mpk_site allocated, ended; };

enum mpk_site_level mpk_site_level(void); /* pre: started */
/* The calling place, for what ends together with (or in) the allocation at base; 0: in none.
 * Returns 0 when such an end is not to be recorded. pre: host rights. */
int mpk_site_here(uintptr_t base, struct mpk_site *here);
/* Records it under a key with bit 63 set, with the allocation's site. pre: host rights. */
void mpk_site_ended(uint64_t key, uintptr_t base, const struct mpk_site *here);
/* The sites that the calling thread's last report named. 0: it has made none. */
int mpk_last_sites(struct mpk_sites *out);

#ifdef __cplusplus
}
#endif
#endif
