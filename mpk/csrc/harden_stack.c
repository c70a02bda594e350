/* harden_stack.c - where the first thread's stack lies, while it can still be asked.
 *
 * A gate must know its thread's stack. For the first thread the C library finds it in
 * /proc/self/maps at the first gate, which may come after LANDLOCK.
 *
 * The stack may grow down to its limit, or to the mapping below it.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include "harden.h"

#define LINE_BYTES 512 /* longer lines have long file names, and the stack has none */
#define STACK_MOST ((uintptr_t)64 << 20)

bool _mpk_harden_note_main_stack(void) {
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[LINE_BYTES];
    unsigned long begin, end, below = 0;
    struct rlimit limit;
    bool found = false;
    if (!maps) return false;
    while (!found && fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%lx-%lx ", &begin, &end) != 2) continue; /* the rest of a long line */
        found = strstr(line, "[stack]") != NULL;
        if (!found) below = end;
    }
    fclose(maps);
    if (!found || getrlimit(RLIMIT_STACK, &limit)) return false;
    uintptr_t most = limit.rlim_cur < STACK_MOST ? limit.rlim_cur : STACK_MOST;
    uintptr_t low = end - below > most ? end - most : below;
    MPK_RUNTIME->main_stack_low = low < begin ? low : begin;
    MPK_RUNTIME->main_stack_high = end;
    return true;
}
