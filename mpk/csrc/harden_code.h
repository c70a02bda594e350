/* harden_code.h - the part CODE of mpk_harden: executable memory scanned, gadgets
 * taken out, text made private and sealed.
 *
 * Must come before the parts that take away what it needs: files (LANDLOCK) for
 * /proc/self/maps, and PROT_EXEC (SYSCALLS).
 */
#ifndef GALEED_MPK_HARDEN_CODE_H
#define GALEED_MPK_HARDEN_CODE_H

#include "mpk_harden.h"

/* Could it be done? Changes nothing.
 * errors: EHARDEN; report->failed is MPK_HARDEN_CODE, report->reason one line that
 * begins with "code: " and names object, function and offset where there are any. */
int _mpk_harden_code_check(struct mpk_harden_report *report);

/* Does it, having checked. post on success: every executable mapping is private to this
 * process, not writable, sealed, and holds no gadget but our own compared ones; this was
 * looked at afterwards. Idempotent. After an error part of the text may have been replaced
 * and sealed already, which harms nothing.
 * pre: as mpk_harden. Other threads may run: text is replaced in one step.
 *
 * Afterwards /proc/PID/maps names no file for text (debuggers and profilers that start
 * then find no symbols; unwinding goes on); libc's pkey_set ends in SIGILL. Lazy binding
 * goes on. Memory: a copy of all text, which processes no longer share. */
int _mpk_harden_code(struct mpk_harden_report *report);

#endif
