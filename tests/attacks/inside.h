/* inside.h - see inside.c. */
#ifndef INSIDE_H
#define INSIDE_H

#include "policy.h"

/* Runs one attack under one policy in this process; the evidence is in the file. */
void inside(const struct attack *attack, enum policy policy, int evidence_fd);

#endif
