/* code_maps.h - the executable mappings of this process, as the kernel lists them.
 *
 * Terms. A *run* is a row of executable mappings without a gap: an instruction may
 * begin in one and end in the next.
 *
 * Source: [proc(5)].
 */
#ifndef GALEED_MPK_CODE_MAPS_H
#define GALEED_MPK_CODE_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CODE_MAPPINGS 4096 /* more than any program has that makes no code itself */

struct code_mapping {
    uintptr_t start, end;
    bool readable, writable, shared;
    bool file;      /* backed by one: its clean pages change when the file does */
    bool kernel;    /* [vdso]: the kernel's, there is nothing to replace */
    char name[112]; /* path (its end, if it is long) or [what]; "" anonymous */
};
struct code_maps {
    size_t count;
    struct code_mapping list[CODE_MAPPINGS];
};

/* Those that are executable, in order. Without [vsyscall], whose code the kernel acts out
 * and never lets run. NULL: errno says why (E2BIG: more than CODE_MAPPINGS). */
struct code_maps *_mpk_code_maps(void);
void _mpk_code_maps_free(struct code_maps *maps);
/* One past the last mapping of the run that begins with the first one. */
size_t _mpk_code_run_end(const struct code_maps *maps, size_t first);

#endif
