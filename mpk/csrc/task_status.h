/* task_status.h - what the kernel says about one thread: its signals, its time.
 *
 * By system calls alone, without allocating: it is asked while locks are held that an
 * allocator may need. The answer is of a moment; only "blocked since it was last seen
 * blocked" and "gone" stay true.
 *
 * Source: proc(5), /proc/pid/status; the kernel's scheduler/sched-stats, /proc/pid/schedstat.
 */
#ifndef GALEED_MPK_TASK_STATUS_H
#define GALEED_MPK_TASK_STATUS_H

#include <stdbool.h>
#include <stdint.h>

struct task_status {
    bool gone;        /* ended, or ending: it will run no more code of the program */
    bool known;       /* the masks below were there to be read */
    bool sleeps;      /* waits for something that a signal would end, were it not blocked */
    uint64_t blocked; /* bit n - 1: signal n */
    uint64_t pending; /* sent to this thread, and waiting there */
};

/* directory: /proc/self/task, open. A thread whose file cannot be opened for another
 * reason than its end is neither gone nor known. */
struct task_status _mpk_task_status(int directory, int32_t thread);
/* Nanoseconds that it has been on a processor, exact to a tick; -1: the kernel does not say. */
int64_t _mpk_task_ran_ns(int directory, int32_t thread);

#endif
