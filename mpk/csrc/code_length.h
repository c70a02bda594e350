/* code_length.h - how long is the 64-bit instruction that begins here?
 *
 * For one question: does a byte sequence that the scanner found stand where an
 * instruction begins, when a function is walked from its start? Answers "unknown"
 * rather than guess: for what is invalid or privileged, and for what Intel and AMD
 * decode differently.
 *
 * Source: [SDM 2A 2.1-2.7] prefixes, VEX and EVEX; [SDM 2D A.3] the opcode maps.
 */
#ifndef GALEED_MPK_CODE_LENGTH_H
#define GALEED_MPK_CODE_LENGTH_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the instruction at code, at most 15; 0: unknown, or longer than left. */
unsigned _mpk_code_length(const uint8_t *code, size_t left);

#endif
