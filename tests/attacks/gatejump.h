/* gatejump.h - a gate entered at its WRPKRU, which finds what opens every key. */
#ifndef GATEJUMP_H
#define GATEJUMP_H

/* Every other register than those of WRPKRU and the stack's holds this. As MATCHED, whichever
 * register a gate compares with is what WRPKRU wrote (its low half), and whichever it
 * stores through points to memory; as MISMATCHED, the comparison fails. */
#define GATEJUMP_MATCHED 0x7a00000000ul
#define GATEJUMP_MISMATCHED 0x7a00010000ul

enum gatejump_thread { GATEJUMP_AS_ITSELF, GATEJUMP_AS_NOBODY /* FS base 0: nothing may use thread-local storage */ };

/* Jumps into the middle of the policy's gate. Whatever the gate's end takes off the stack,
 * it returns to arrived(), on a stack of few words. Returns only when there is no gate to
 * jump into, or no memory (refused). */
void gatejump(unsigned long registers, enum gatejump_thread thread, void (*arrived)(void));

#endif
