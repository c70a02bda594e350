/* code_copy.h - a copy of code, read without a fault where a file has become shorter
 * than its mapping, and without a call that a part of hardening refuses.
 *
 * By a pipe of our own: the kernel reads what is written into it, and says EFAULT. Only
 * mapped pages with rights are read: what the calling thread could read itself.
 *
 * Source: [pipe(7)].
 */
#ifndef GALEED_MPK_CODE_COPY_H
#define GALEED_MPK_CODE_COPY_H

#include <stddef.h>
#include <stdint.h>

/* A writable mapping of its own (to be unmapped) with what lies there. pre: whole pages.
 * NULL: errno says why, and *failed where; 0 when it was not about a place. */
uint8_t *_mpk_code_copy(uintptr_t from, size_t bytes, uintptr_t *failed);

#endif
