/* report.h - what fault.c needs of report.c. */
#ifndef GALEED_MPK_REPORT_H
#define GALEED_MPK_REPORT_H

#include "internal.h"

/* Completes the violation (function, thread, action), writes text and JSON. Does
 * not return when the action is abort; when it is unwind, the caller unwinds.
 * can_go_on: policy report can be followed. pre: host rights. */
void _mpk_report(struct thread_record *record, struct mpk_violation *violation, bool can_go_on);
/* SIGABRT with its default action, whatever handler there is. */
_Noreturn void _mpk_abort(void);

#endif
