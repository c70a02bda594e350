/* machinecode.h - code that attacks bring along, as bytes, and ways to run it. */
#ifndef MACHINECODE_H
#define MACHINECODE_H

#include <stddef.h>

#define WRPKRU_BYTES "\x0f\x01\xef"
#define OPENER_BYTES_MOST 16

/* A page with that code, executable; NULL with errno. For what is there before the
 * policy, as the code of any library is. */
void *machinecode_map(const void *code, size_t bytes);
/* Writes a function that opens the domain by the backend's own means (WRPKRU with 0;
 * mprotect) and returns 0 or -errno. Returns its length. */
size_t machinecode_opener(unsigned char *to);
/* Calls it. Returns 0, or -1 with errno. */
int machinecode_open(const void *code);
/* Calls code with rax, rcx and rdx 0: what WRPKRU wants in order to open every key. */
void machinecode_call_zeroed(const void *code);
/* The first place of the pattern in the code, or NULL. */
const unsigned char *machinecode_find(const void *code, size_t bytes, const char *pattern, size_t pattern_bytes);

#endif
