/* mpk_keys.h - virtual keys: libmpk's interface on a stock kernel.
 *
 * A *page group* is a row of pages under a *virtual key*, any int >= 0 that the
 * program chooses. There may be thousands of groups over the hardware's keys:
 * a group that somebody has begun holds a hardware key; the others wait with
 * their rights in the page tables, and the least recently used one gives its key
 * up when another needs it.
 *
 * Rights are per thread between mpk_begin and mpk_end, and process-wide by
 * mpk_mprotect. On the mprotect backend all rights are the process's; what
 * differs is said at each function.
 *
 * Source: [libmpk 4]; its kernel patch is replaced by signals to the threads
 * that must see a change.
 */
#ifndef GALEED_MPK_KEYS_H
#define GALEED_MPK_KEYS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MPK_GROUPS 16384     /* page groups at once */
#define MPK_BEGIN_DEPTH 64   /* open begins of one thread, over all groups */

/* Starts virtual keys. evict_rate: how many of mpk_mprotect's misses evict (1.0:
 * each; 0.5: every second one), the others change page tables instead; negative:
 * 1.0, as in libmpk. Takes hardware keys as they are needed and leaves keys that
 * other libraries hold alone. Idempotent; the last rate counts.
 * errors: EINVALID and those of mpk_start. */
int mpk_init(double evict_rate);

/* A group of whole pages, as mmap(2) with these arguments would map them; closed
 * until mpk_begin or mpk_mprotect: prot is what mpk_begin may ask for at most.
 * Returns the address, or MAP_FAILED with *mpk_keys_error() set.
 * errors: EVKEY (taken), EINVALID, ENOMEM, EKERNEL. */
void *mpk_mmap(int vkey, void *addr, size_t length, int prot, int flags, int fd, off_t offset);
/* pre: no thread has begun it (EPINNED). errors: EVKEY. */
int mpk_munmap(int vkey);
int *mpk_keys_error(void); /* of this thread's last mpk_mmap or mpk_malloc */

/* Gives the calling thread prot (PROT_READ or PROT_READ | PROT_WRITE) on the
 * group until mpk_end. Nests: the newest begin counts, mpk_end brings back what
 * was before. errors: EVKEY, EINVALID, EPINNED (every key is held by open
 * begins), ENESTED. */
int mpk_begin(int vkey, int prot);
int mpk_end(int vkey);
/* What a begin without a free key does: 0 (default) returns EPINNED at once, else
 * it waits so long for an mpk_end, then EPINNED. */
void mpk_keys_wait(uint32_t milliseconds);

/* mprotect(2) for the group, of the whole process: every thread sees prot when
 * this returns, those too that are older than the key. prot may be PROT_NONE,
 * PROT_READ, PROT_READ | PROT_WRITE or PROT_EXEC (execute-only: all such groups
 * share one reserved key). A thread's own open begin goes first until its mpk_end.
 * errors: EVKEY, EINVALID, EKERNEL. */
int mpk_mprotect(int vkey, int prot);

/* Memory of the group's own heap. pre: begun READ|WRITE by this thread, or open
 * by mpk_mprotect. Rights afterwards are what they were. */
void *mpk_malloc(int vkey, size_t bytes);
int mpk_free(int vkey, void *address);

struct mpk_keys_stats {
    uint32_t groups, resident, pinned, keys;       /* now */
    uint64_t hits, misses, evictions, syncs, fallbacks; /* since mpk_init */
};
void mpk_keys_statistics(struct mpk_keys_stats *out);

#ifdef __cplusplus
}
#endif
#endif
