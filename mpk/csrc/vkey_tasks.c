/* vkey_tasks.c - see vkey_tasks.h.
 *
 * Invariant: an entry of a living thread stays where it is, so that its signal
 * handler finds it while somebody else looks. Open addressing by thread id; a
 * place that was used never becomes 0 again, only -1, until fork.
 *
 * By system calls alone: what is in /proc is read while a lock is held that an
 * allocator may need.
 *
 * Attacker: cannot make /proc/self/task leave a thread out (the file is opened
 * anew for each look; mounts are the kernel's business).
 *
 * Source: proc(5).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "task_status.h"
#include "vkey_tasks.h"

#define ENDED (-1)
#define DIRECTORY_BYTES 4096

struct entry { uint64_t inode; int64_t offset; uint16_t bytes; uint8_t type; char name[]; };

static struct vkey_task *place(uint32_t index) {
    return (struct vkey_task *)(MPK_PUBLISHED_BASE + VKEY_TASKS_OFFSET) + index % VKEY_TASKS;
}

static uint32_t first_place(int32_t id) { return (uint32_t)id * 0x9E3779B1u >> 18; }
_Static_assert(VKEY_TASKS == 1 << 14, "the hash gives fourteen bits");

struct vkey_task *_mpk_vkey_task(int32_t id) {
    uint32_t at = first_place(id);
    for (uint32_t probes = 0; probes < VKEY_TASKS; probes++) {
        struct vkey_task *task = place(at + probes);
        int32_t found = atomic_load(&task->id);
        if (found == id) return task;
        if (!found) return NULL;
    }
    return NULL;
}

static uint16_t *live(void) { return (uint16_t *)(MPK_PUBLISHED_BASE + VKEY_LIVE_OFFSET); }

static struct vkey_task *enter(int32_t id) {
    struct vkey_task *task = _mpk_vkey_task(id);
    uint32_t at = first_place(id);
    for (uint32_t probes = 0; !task && probes < VKEY_TASKS; probes++) {
        struct vkey_task *candidate = place(at + probes);
        if (atomic_load(&candidate->id) > 0) continue;
        atomic_store(&candidate->answered, 0);
        atomic_store(&candidate->verdict, VKEY_SURE);
        candidate->asked = 0;
        atomic_store(&candidate->id, id);
        live()[VKEYS->live++] = (uint16_t)(candidate - place(0));
        task = candidate;
    }
    return task;
}

struct vkey_task *_mpk_vkey_task_live(uint32_t number) {
    return number < VKEYS->live ? place(live()[number]) : NULL;
}

static void drop_ended(void) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < VKEYS->live; i++) {
        struct vkey_task *task = _mpk_vkey_task_live(i);
        if (task->seen == VKEYS->look) live()[kept++] = live()[i];
        else atomic_store(&task->id, ENDED);
    }
    VKEYS->live = kept;
}

int _mpk_vkey_tasks_look(void) {
    _Alignas(8) char buffer[DIRECTORY_BYTES];
    uint32_t count = 0;
    long bytes;
    int directory = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return MPK_EKERNEL;
    VKEYS->look++;
    while ((bytes = syscall(SYS_getdents64, directory, buffer, sizeof buffer)) > 0) {
        const struct entry *entry;
        for (long at = 0; at < bytes; at += entry->bytes) {
            entry = (const void *)(buffer + at);
            int32_t id = atoi(entry->name);
            if (id <= 0) continue;
            struct vkey_task *task = enter(id);
            if (!task) bytes = -1;
            else task->seen = VKEYS->look;
            count++;
            if (bytes < 0) break;
        }
        if (bytes < 0) break;
    }
    close(directory);
    if (bytes < 0) return MPK_ETHREADS;
    drop_ended();
    VKEYS->threads = count - 1;
    if (count > 1) atomic_store(&VKEYS->threaded, 1);
    return 0;
}

enum vkey_task_state _mpk_vkey_task_state(int32_t id, int signal_number, int64_t *ran_ns) {
    int directory = open("/proc/self/task", O_PATH | O_DIRECTORY | O_CLOEXEC);
    *ran_ns = -1;
    if (directory < 0) return VKEY_TASK_BLOCKS; /* nothing is taken for granted */
    struct task_status status = _mpk_task_status(directory, id);
    uint64_t waits = status.known ? status.blocked & status.pending : ~UINT64_C(0); /* the same */
    bool blocks = waits >> (signal_number - 1) & 1;
    if (blocks && !status.sleeps) *ran_ns = _mpk_task_ran_ns(directory, id);
    close(directory);
    if (status.gone) return VKEY_TASK_GONE;
    return blocks ? VKEY_TASK_BLOCKS : VKEY_TASK_LISTENS;
}

void _mpk_vkey_tasks_forget(void) {
    for (uint32_t i = 0; i < VKEY_TASKS; i++) {
        struct vkey_task *task = place(i);
        if (!atomic_load(&task->id)) continue;
        atomic_store(&task->id, 0);
        atomic_store(&task->answered, 0);
        task->asked = 0;
    }
    VKEYS->live = 0;
}
