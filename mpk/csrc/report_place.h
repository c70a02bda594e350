/* report_place.h - which file a program counter lies in, and where in it. For report.c. */
#ifndef GALEED_MPK_REPORT_PLACE_H
#define GALEED_MPK_REPORT_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#define REPORT_PATH_BYTES 256 /* six times as many in JSON still fit a report's page */

struct report_place {
    uintptr_t offset;             /* from the first byte that the file has in memory */
    bool known;                   /* offset means something */
    bool program;                 /* the program itself, or the library that the runtime is part of */
    char path[REPORT_PATH_BYTES]; /* "": unknown, or longer */
};

/* Asks the kernel (/proc/self/maps), which foreign code cannot deceive by writing memory.
 * Where that cannot be opened (Landlock, no /proc) the program still knows itself.
 * Async-signal-safe. errors: none; what is unknown is said to be. */
void _mpk_report_place(uintptr_t pc, struct report_place *out);

#endif
