/* vkey_hooks.h - where threads, faults, forks, gates and domains meet virtual keys.
 *
 * Each does nothing until mpk_init. Source: vkey.h.
 */
#ifndef GALEED_MPK_VKEY_HOOKS_H
#define GALEED_MPK_VKEY_HOOKS_H

#include "internal.h"

enum vkey_fault {
    VKEY_NOT_OURS,  /* the address is in no group */
    VKEY_TRY_AGAIN, /* the access is allowed; *pkru is what the thread needs for it */
    VKEY_DENIED,    /* a host thread that has not begun the group; said on stderr */
    VKEY_FOREIGN,   /* foreign code: a boundary violation */
};
/* vkey_fault.c. access: enum mpk_access. pkru: in and out (pku). */
enum vkey_fault _mpk_vkey_fault(uintptr_t address, uint32_t access, bool foreign, uint32_t *pkru);
bool _mpk_vkey_holds(uintptr_t address); /* is it in a page group? */
/* pku: a host thread's PKRU with the rights on groups that the tables say it has. */
uint32_t _mpk_vkey_host_pkru(const struct thread_record *record, uint32_t pkru);
/* A thread ends; its begins end with it. Called on it, with host rights. */
void _mpk_vkey_thread_exit(struct thread_record *record);
/* In the child: only the calling thread is left. pre: extent_lock. */
void _mpk_vkey_fork_child(void);
/* How many begins are open, for mpk_try; and back to that many. */
uint32_t _mpk_vkey_depth(const struct thread_record *record);
void _mpk_vkey_leave(struct thread_record *record, uint32_t depth);
/* mprotect: with the domains, around foreign code. pre: extent_lock. */
void _mpk_vkey_close_all(void);
void _mpk_vkey_open_all(void);
/* pku: a key for a domain when the kernel has none left. pre: extent_lock. */
int _mpk_vkey_give_up(int *key);

#endif
