/* harden_rules.h - what the system call filter refuses, as data. */
#ifndef GALEED_MPK_HARDEN_RULES_H
#define GALEED_MPK_HARDEN_RULES_H

#include <stddef.h>
#include <stdint.h>

/* When a rule's verdict is given. Arguments are compared as the kernel takes them:
 * by their low 32 bits, where not said otherwise. */
enum rule_test {
    RULE_ALWAYS,
    RULE_ANY_OF,   /* argument & value */
    RULE_EQUAL,    /* argument == value */
    RULE_NULL,     /* argument == 0, 64 bits */
    RULE_NOT_NULL, /* argument != 0, 64 bits */
    RULE_OURS,     /* [argument, argument + argument number value) touches our ranges */
};
enum rule_verdict { RULE_EPERM, RULE_ENOSYS, RULE_KILL, RULE_ALLOW };

/* Rules are tried in order; the first whose test holds decides. What no rule decides
 * is allowed. */
struct rule {
    uint32_t parts;     /* enum mpk_harden_part: with any of them */
    uint16_t call;      /* number on x86-64 */
    uint8_t test, argument;
    uint32_t value;
    uint8_t verdict;
    uint8_t condition;  /* enum rule_condition */
};
enum rule_condition {
    RULE_NO_CONDITION,
    RULE_PKU_ONLY,      /* left out on mprotect, whose gates make this call */
    RULE_SEALED_ONLY,   /* left out without mseal, which keeps foreign code from it */
};

#define RULE_LAST_CALL 469 /* file_setattr, Linux 6.17; newer ones are ENOSYS under SYSCALLS */

extern const struct rule _mpk_harden_rules[];
extern const size_t _mpk_harden_rule_count;

#endif
