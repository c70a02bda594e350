/* vkey_tasks.h - the kernel's threads of this process, as /proc tells them. */
#ifndef GALEED_MPK_VKEY_TASKS_H
#define GALEED_MPK_VKEY_TASKS_H

#include "vkey.h"

enum vkey_task_state { VKEY_TASK_LISTENS, VKEY_TASK_BLOCKS, VKEY_TASK_GONE };

/* Reads /proc/self/task into the table: new ones in, ended ones out.
 * pre: lock. errors: EKERNEL (no /proc), ETHREADS. */
int _mpk_vkey_tasks_look(void);
/* The thread's entry, or NULL. Callable in a signal handler. */
struct vkey_task *_mpk_vkey_task(int32_t id);
/* Those that live, by 0, 1, ...; NULL after the last. pre: lock. */
struct vkey_task *_mpk_vkey_task_live(uint32_t number);
/* ran_ns: how long it has run, where it blocks the signal and is not asleep; else -1. */
enum vkey_task_state _mpk_vkey_task_state(int32_t id, int signal_number, int64_t *ran_ns);
void _mpk_vkey_tasks_forget(void); /* fork's child: all of them */

#endif
