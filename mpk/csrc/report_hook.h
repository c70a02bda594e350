/* report_hook.h - mpk_set_report_hook's hook, between the report and the policy. */
#ifndef GALEED_MPK_REPORT_HOOK_H
#define GALEED_MPK_REPORT_HOOK_H

#include "internal.h"

/* pre: host rights. */
void _mpk_report_hook_call(struct thread_record *record, const struct mpk_violation *violation);
/* Would unwinding to the innermost try leave a hook that is running? */
bool _mpk_report_hook_holds(const struct thread_record *record);

#endif
