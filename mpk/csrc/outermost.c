/* outermost.c - a program whose first thread is foreign from the start.
 *
 * A library of the host that a foreign `main` calls: the gate that stands for "the host
 * called foreign code" is entered once, before main, and never left. All that main's
 * thread does is foreign then, and the host is entered as for a callback.
 *
 * Invariant: the gate's token is the last address of the stack, above every frame that
 * main and what it calls will ever have, so that no later gate finds it dead, and no
 * frame of main's counts as the host's.
 *
 * Assumes: nothing foreign ran before with a thread of its own, hence the count.
 *
 * Attacker: may call this at any time; with rights closed it does nothing.
 */
#include <errno.h>
#include <unistd.h>
#include "prim.h"
#include "record.h"

int mpk_gate_outermost(const char *function) {
    int error = mpk_start();
    if (error) return error;
    if (mpk_gate_is_foreign()) return _mpk_explain(MPK_EINVALID, "the thread is in foreign code already");
    if (_mpk_thread_id() != getpid() || _mpk_threads_count() != 1)
        return _mpk_explain(MPK_EINVALID, "main can be made foreign only while it is the process's one thread: "
                            "start threads behind the library's constructor, not before it");
    struct thread_record *record = _mpk_thread_for_gate();
    if (record->depth) return _mpk_explain(MPK_EINVALID, "the thread is inside a gate already");
    mpk_gate_enter((void *)(record->stack_high - 1), function);
    return 0;
}
