/* verdict.h - see verdict.c. */
#ifndef VERDICT_H
#define VERDICT_H

#include <signal.h>
#include "evidence.h"

struct outcome {
    unsigned char secret[SECRET_BYTES]; /* what the judge gave out */
    const struct evidence *seen;
    siginfo_t ended;
    int timed_out;
    char report[4096];                  /* violations, as the runtime wrote them */
    char words[4096];                   /* stderr of the process under attack */
};
void verdict_print(const struct outcome *outcome);

#endif
