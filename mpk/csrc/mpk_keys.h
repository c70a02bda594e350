/* mpk_keys.h - virtual keys: libmpk's interface on a stock kernel.
 *
 * A *page group* is a row of pages under a *virtual key*, any int >= 0 that the
 * program chooses. There may be thousands of groups over the hardware's keys:
 * a group that somebody has begun holds a hardware key; the others wait with
 * their rights in the page tables, and the least recently begun one gives its key
 * up when another needs it.
 *
 * Rights are per thread between mpk_begin and mpk_end, and process-wide by
 * mpk_mprotect; a thread's newest begin goes before the process's rights. Foreign
 * code (behind a gate) has no rights on any group, also where
 * GALEED_FOREIGN_RIGHTS is read; it may execute what is PROT_EXEC. Foreign code
 * that calls a function of this header ends the process.
 *
 * What is different on the mprotect backend, where all rights are the process's:
 *  - what one thread has begun is open to every thread; the pages have the widest
 *    of all threads' newest begins and of the process's rights;
 *  - there are no keys to run out of: mpk_begin never returns EPINNED, and
 *    statistics count neither keys nor residents, evictions nor syncs;
 *  - mpk_begin and mpk_end are a system call each when they change something;
 *  - pages that are PROT_EXEC can be read, unless the CPU has keys (the kernel
 *    then takes one for them);
 *  - begin and end may not be called in a signal handler.
 *
 * On pku a signal handler starts with every key closed; at the first touch it is
 * given what its thread has (a system call before that touch says EFAULT). There,
 * mpk_begin on a resident group and mpk_end may be called in signal handlers, of
 * threads that have begun something before (a handler in a thread that the runtime
 * does not know counts as foreign code); nothing else may. A group that waits is EPINNED
 * where the signal came amid its thread's own change of keys; else mpk_begin works, but the
 * interrupted code keeps its older rights on the key that moved until it next begins or
 * ends. Other functions end the process with one line in that place. longjmp past an mpk_end leaves the begin open; mpk_try ends
 * those made inside, and so does the end of the thread. A thread that is created
 * inside a begin starts with its creator's rights, which it keeps until the group
 * loses its key.
 *
 * In hardened mode (mpk_harden.h): with SYSCALLS on pku no group changes its key any
 * more: hits and mpk_end go on, what needs another key or a new group is EHARDEN. So is
 * a begin that needs another key with SIGNALS (no thread can be told) or LANDLOCK (none
 * can be looked up), unless the process has one thread; mpk_mprotect then changes page
 * tables. What is refused leaves rights as they were. Begin what is needed before.
 *
 * Source: [libmpk]; its kernel patch is replaced by signals to the threads
 * that must see a change.
 */
#ifndef GALEED_MPK_KEYS_H
#define GALEED_MPK_KEYS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MPK_GROUPS 16384     /* page groups at once */
#define MPK_BEGIN_DEPTH 64   /* open begins of one thread, over all groups */

/* Starts virtual keys. evict_rate: how many of mpk_mprotect's misses evict (1.0:
 * each; 0.5: every second one), the others change page tables instead; negative:
 * 1.0, as in libmpk. Takes hardware keys as they are needed, keeps them, and
 * leaves keys that other libraries hold alone. Takes one realtime signal that
 * nobody has a handler for. Idempotent; the last rate counts.
 * errors: EINVALID (more than 1, or no number), EKERNEL (no membarrier(2), no
 * free signal, no /proc) and those of mpk_start. */
int mpk_init(double evict_rate);

/* A group of whole pages, as mmap(2) with these arguments would map them; closed
 * until mpk_begin or mpk_mprotect. prot is what these may ask for at most: it
 * includes PROT_READ wherever it includes PROT_WRITE. Starts virtual keys.
 * Returns the address, or MAP_FAILED with *mpk_keys_error() set:
 * errors: EVKEY (taken), EINVALID (also what mmap refuses for prot, as a file that is not
 * open for writing or a memfd sealed against it; MAP_GROWSDOWN, MAP_HUGETLB, and MAP_FIXED over memory of the runtime), ENOMEM (also: MPK_GROUPS
 * exist), EKERNEL, EHARDEN, and those of mpk_init. */
void *mpk_mmap(int vkey, void *addr, size_t length, int prot, int flags, int fd, int64_t offset);
/* Unmaps the group; the virtual key may be used again.
 * errors: EVKEY, EPINNED (a thread has begun it), EKERNEL. */
int mpk_munmap(int vkey);
int *mpk_keys_error(void); /* of this thread's last mpk_mmap or mpk_malloc */

/* Gives the calling thread prot (PROT_READ or PROT_READ | PROT_WRITE) on the
 * group until mpk_end. Nests: the newest begin counts, mpk_end brings back what
 * was before. On a resident group: no system call, no locked instruction.
 * errors: EVKEY, EINVALID (another prot, or more than mpk_mmap was given), EPINNED
 * (no key can be had: each is held by an open begin, or some thread blocks
 * mpk_keys_signal and might still have rights on it; or, in a signal handler, the thread
 * was just changing keys), ENOKEY (the process has no
 * key for groups at all), ENESTED, ENOMEM, EKERNEL, EHARDEN. */
int mpk_begin(int vkey, int prot);
/* Ends the calling thread's newest begin on the group, whatever it began since.
 * errors: EVKEY, EINVALID (this thread has not begun it). */
int mpk_end(int vkey);
/* What a begin without a free key does: 0 (default) returns EPINNED at once, else
 * it waits so long for an mpk_end, then EPINNED. Of the whole process. Threads that
 * wait inside a begin of another group wait for each other when all keys are held
 * so, and are all refused in the end; who begins one group at a time is not. */
void mpk_keys_wait(uint32_t milliseconds);

/* mprotect(2) for the group, of the whole process: every thread sees prot when
 * this returns, those too that are older than the key. prot may be PROT_NONE,
 * PROT_READ, PROT_READ | PROT_WRITE or PROT_EXEC (execute-only: all such groups
 * share one reserved key, and so do, by the kernel, PROT_EXEC mappings that others
 * make by mprotect(2)). A thread's own open begin goes first until its mpk_end.
 *
 * pku: with one thread and a resident group, no system call. With more, a small
 * group that nobody has begun changes in the page tables; else each thread is sent
 * mpk_keys_signal, which interrupts it as any signal with SA_RESTART does: system calls
 * that signal(7) lists as never restarted (nanosleep, poll, epoll_wait, semop, sockets
 * with a timeout) end with EINTR. (So they do by an mpk_begin that needs another's key.) When a
 * thread blocks the signal, or is inside another signal handler, rights are taken
 * by the page tables (statistics: fallbacks); rights that it did not get it is
 * given when it first touches the group (a system call before that: EFAULT).
 * errors: EVKEY, EINVALID, EKERNEL, EHARDEN, ENOMEM, ENOKEY; EPINNED: no key, or the group
 * is begun and a thread does not answer. On error rights are what they were. */
int mpk_mprotect(int vkey, int prot);

/* The realtime signal that tells threads of a change; 0 before mpk_init and on
 * mprotect. A thread that blocks it is never harmed; see mpk_mprotect. */
int mpk_keys_signal(void);

/* Memory of the group's own heap, 16-byte aligned; from the first call on the
 * group's pages belong to it, and 1/64 of them (at least 512 bytes) is its own.
 * pre: begun READ|WRITE by this thread, or open by mpk_mprotect. Rights afterwards
 * are what they were. Returns NULL with *mpk_keys_error() set:
 * errors: EVKEY, EINVALID (no rights), ENOMEM. */
void *mpk_malloc(int vkey, size_t bytes);
/* NULL is ignored. errors: EVKEY, EINVALID (no rights; or not the start of a live
 * allocation of this group: freed before, interior, foreign). */
int mpk_free(int vkey, void *address);

struct mpk_keys_stats {
    uint32_t groups;     /* that exist now */
    uint32_t resident;   /* of them, hold a hardware key now */
    uint32_t pinned;     /* of them, are begun by some thread now */
    uint32_t keys;       /* hardware keys that virtual keys have taken, shared ones too */
    uint64_t hits;       /* begins and mpk_mprotects that found the group resident */
    uint64_t misses;     /* those that did not */
    uint64_t evictions;  /* groups that lost their key to another */
    uint64_t syncs;      /* rounds of signals */
    uint64_t fallbacks;  /* mpk_mprotects that a thread's silence sent to the page tables */
};
/* Before mpk_init all is 0. errors: EINVALID (out is NULL). */
int mpk_keys_statistics(struct mpk_keys_stats *out);

#ifdef __cplusplus
}
#endif
#endif
