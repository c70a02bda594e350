/* prim.h - all that the runtime asks of CPU and kernel, as one contract.
 *
 * Two implementations, prim_pku.c and prim_mprotect.c, are both compiled in;
 * prim.c chooses one at start by filling struct mpk_prim. Each entry says what
 * holds on both; differences are named.
 */
#ifndef GALEED_MPK_PRIM_H
#define GALEED_MPK_PRIM_H

#include "internal.h"

struct mpk_prim {
    /* Takes a hardware key, closed for the calling thread. mprotect: always 0. */
    int (*key_alloc)(int *key);
    /* Makes whole pages accessible (or PROT_NONE) under the key.
     * pre: page-aligned. post: no page of the range was ever accessible under
     * another key in between. */
    int (*tag)(void *address, size_t bytes, int prot, int key);
    /* Rights of the calling thread (mprotect: the process) on one domain. */
    enum mpk_rights (*rights_get)(mpk_domain *domain);
    int (*rights_set)(mpk_domain *domain, enum mpk_rights rights);
    /* Every domain and the published range: closed as foreign code must see
     * them. Returns what open_host must be given. post: verified. */
    uint32_t (*close_all)(struct thread_record *record);
    /* Back. post: verified. */
    void (*open_all)(struct thread_record *record, uint32_t saved);
    /* Does the calling thread run with rights closed? Callable in either state. */
    bool (*is_closed)(void);
};
extern const struct mpk_prim _mpk_prim_pku;
extern const struct mpk_prim _mpk_prim_mprotect;
/* The chosen one. A pointer in .data would be foreign-writable: resolved by a
 * branch on runtime.backend instead. */
static inline const struct mpk_prim *_mpk_prim(void) {
    return MPK_RUNTIME->backend == MPK_BACKEND_PKU ? &_mpk_prim_pku : &_mpk_prim_mprotect;
}

#endif
