/* before_main.c - is a constructor running, before the program's main?
 *
 * Rust's start, in main, installs its own handler of SIGSEGV (and signal stacks for all
 * threads) only where there is none; so whoever comes before it must not keep the place.
 *
 * Asked of the stack, by its unwind tables: main is not in it, and the walk arrives at the
 * program's first instruction. Whatever is less certain counts as "no": another thread than the
 * first, a library's constructor (the loader calls those), no unwinder, frames without tables.
 *
 * Attacker: none yet, or C that a constructor called; it could lay false frames. A wrong
 * answer installs the fault handler too late or too early, and opens nothing.
 *
 * Source: [Itanium C++ ABI: Exception Handling], 1.6 for the walk.
 */
#define _GNU_SOURCE
#include <unistd.h>
#include <unwind.h>
#include "internal.h"
#include "record.h"

#pragma weak _Unwind_Backtrace
#pragma weak _Unwind_GetRegionStart
extern const char program_main[] __asm__("main") __attribute__((weak));
extern const char program_start[] __asm__("_start") __attribute__((weak));

struct walk {
    bool in_main, at_start;
};

static _Unwind_Reason_Code look(struct _Unwind_Context *frame, void *data) {
    struct walk *walk = data;
    uintptr_t function = (uintptr_t)_Unwind_GetRegionStart(frame);
    walk->in_main |= function == (uintptr_t)program_main;
    walk->at_start |= function == (uintptr_t)program_start;
    return _URC_NO_REASON;
}

bool _mpk_before_main(void) {
    struct walk walk = {false, false};
    if (!_Unwind_Backtrace || !_Unwind_GetRegionStart || !program_main || !program_start) return false;
    if (_mpk_thread_id() != getpid()) return false;
    _Unwind_Backtrace(look, &walk);
    return walk.at_start && !walk.in_main;
}
