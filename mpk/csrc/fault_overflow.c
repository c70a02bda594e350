/* fault_overflow.c - foreign code ran out of its thread's stack: said in one line.
 *
 * The fault goes on to whoever handled faults before, with foreign rights, as all that foreign
 * code raises. Rust's handler, whose message this would be, keeps what it knows of its threads
 * in the host's heap: with these rights it cannot look there, and ends the process by SIGSEGV.
 *
 * Attacker: chooses the address and the stack pointer. It can have the line printed.
 *
 * Source: pthread_attr_setguardsize(3); mm/mmap.c's stack_guard_gap for the first thread.
 */
#include <unistd.h>
#include "fault_chain.h"
#include "record.h"
#include "text.h"

#define BELOW_BYTES 0x100000u /* the kernel's gap below the first thread's stack; guards are smaller */
#define ABOVE_BYTES 0x4000u   /* bounds are whole pages, and a C library may count the guard to the stack */

void _mpk_fault_say_overflow(const struct thread_record *record, uintptr_t address) {
    char buffer[256];
    struct text text = _mpk_text(buffer, sizeof buffer);
    if (!record || !record->stack_high) return;
    if (address - (record->stack_low - BELOW_BYTES) >= BELOW_BYTES + ABOVE_BYTES) return;
    const char *function = mpk_gate_function();
    _mpk_text_add(&text, "galeed: thread ");
    _mpk_text_decimal(&text, (uint64_t)record->thread_id);
    _mpk_text_add(&text, " has overflowed its stack in foreign code");
    if (function) _mpk_text_add(&text, ", in ");
    if (function) _mpk_text_add(&text, function);
    _mpk_text_add(&text, "\n");
    _mpk_text_write(&text, STDERR_FILENO);
}
