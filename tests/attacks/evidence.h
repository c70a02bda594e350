/* evidence.h - the page that the judge and the process under attack share.
 *
 * The judge (harness.c) makes it and keeps the secret to itself; the process under
 * attack takes the secret out of it before anything else. Foreign code can write
 * here: the attacks are ours and do not lie.
 */
#ifndef EVIDENCE_H
#define EVIDENCE_H

#include "attack.h"

enum stage { STAGE_NONE, STAGE_PREPARE, STAGE_POLICY, STAGE_ATTACK, STAGE_HOST, STAGE_AGAIN, STAGE_CHECK, STAGE_DONE };

#define HANDED_BYTES 8192

struct evidence {
    unsigned char secret[SECRET_BYTES]; /* wiped by who takes it */
    volatile uint32_t stage;            /* enum stage */
    uint32_t handed_bytes;
    unsigned char handed[HANDED_BYTES];
    unsigned char found[SECRET_BYTES];  /* what the host finds where it put its secret; STAGE_DONE */
    int key;                            /* of the domain */
    uintptr_t page;                     /* of the secret */
    int process;                        /* under attack; its children have other numbers */
    int erased;                         /* the host has zeroed its secret: so it is to be found */
    char refused_call[32];
    int refused_error;
    int signal_number, signal_code;     /* seen by the recorder; 0 none */
    int signal_key, signal_syscall;     /* pku faults; SIGSYS */
    uintptr_t signal_address;
    int start_error;                    /* enum mpk_error: the runtime refused to start over an attack */
    char harden_refused[16];            /* the part for which mpk_harden refused to begin */
    int signal_process;                 /* whose it was */
    char trouble[400];                  /* the harness itself cannot go on, and why */
};
extern struct evidence *evidence;       /* inside.c */

#endif
