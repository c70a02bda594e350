/* report.h - what fault.c needs of report.c. */
#ifndef GALEED_MPK_REPORT_H
#define GALEED_MPK_REPORT_H

#include "internal.h"

/* Completes the violation (function, thread, action), writes text and JSON. Does
 * not return when the action is abort; when it is unwind, the caller unwinds.
 * after: what policy report leads to. pre: host rights. */
enum after_report {
    GOES_ON_REFUSED, /* the access is not performed */
    GOES_ON_OPEN,    /* the access is let through, and others with it */
    CANNOT_GO_ON,    /* neither can be done: abort */
};
void _mpk_report(struct thread_record *record, struct mpk_violation *violation, enum after_report after);
/* The same of foreign code under part STACKS: with its own rights, and never back. */
_Noreturn void _mpk_report_closed(struct mpk_violation *violation);
/* fatal.c: SIGABRT with its default action, whatever handler there is. */
_Noreturn void _mpk_abort(void);

#endif
