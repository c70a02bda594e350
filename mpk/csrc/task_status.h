/* task_status.h - what the kernel says about the signals of one thread.
 *
 * By system calls alone, without allocating: it is asked while locks are held that an
 * allocator may need. The answer is of a moment; only "blocked since it was last seen
 * blocked" and "gone" stay true.
 *
 * Source: proc(5), /proc/pid/status.
 */
#ifndef GALEED_MPK_TASK_STATUS_H
#define GALEED_MPK_TASK_STATUS_H

#include <stdbool.h>
#include <stdint.h>

struct task_status {
    bool gone;        /* ended, or ending: it will run no more code of the program */
    bool known;       /* the masks below were there to be read */
    uint64_t blocked; /* bit n - 1: signal n */
    uint64_t pending; /* sent to this thread, and waiting there */
};

/* directory: /proc/self/task, open. A thread whose file cannot be opened for another
 * reason than its end is neither gone nor known. */
struct task_status _mpk_task_status(int directory, int32_t thread);

#endif
