/* policy.h - the levels of defence that an attack is run under.
 *
 * undefended: a domain of its own making, closed by a bare change of rights; nothing
 * of the toolkit runs. gates: the toolkit's host domain and gates. The others: gates,
 * and the hardening level of that name; full: on host stacks, and mpk_call for the gate.
 * parts: gates, and parts of hardening that a test names.
 *
 * Each function ends the process with the reason in evidence->trouble when it cannot
 * do its work.
 */
#ifndef POLICY_H
#define POLICY_H

#include "attack.h"

enum policy { POLICY_UNDEFENDED, POLICY_GATES, POLICY_BASIC, POLICY_STRICT, POLICY_FULL, POLICY_PARTS, POLICIES };
extern const char *policy_names[POLICIES];

int policy_backend_is_pku(void);                   /* by GALEED_BACKEND, which the runner sets */
void policy_start(enum policy policy);             /* the runtime, before the domain */
void policy_domain(enum policy policy);            /* fills target; post: open to the caller */
void policy_harden(enum policy policy);            /* takes away what the level takes away */
/* A page new in the domain. fresh: of memory that the domain takes from the system only now. */
volatile unsigned char *policy_new_page(enum policy policy, int fresh);
/* Host to foreign and back around function(). */
void policy_call(enum policy policy, void (*function)(void));
/* Runs body(argument) as the host is meant to run under this policy. */
void policy_host(enum policy policy, void (*body)(void *), void *argument);
_Noreturn void trouble(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
