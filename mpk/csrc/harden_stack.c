/* harden_stack.c - where the first thread's stack lies, while it can still be asked.
 *
 * A gate must know its thread's stack. For the first thread the C library finds it in
 * /proc/self/maps at the first gate, which may come after LANDLOCK, or when every
 * descriptor is taken. Then the kernel's own layout says it: the program's name is the
 * last thing above the stack, and the limit of its size is how far it may grow.
 *
 * The stack may grow down to its limit, or to the mapping below it.
 *
 * Source: execve(2), getauxval(3), AT_EXECFN.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include "harden.h"

#define LINE_BYTES 512 /* longer lines have long file names, and the stack has none */
#define STACK_MOST ((uintptr_t)64 << 20)

static uintptr_t most_bytes(void) {
    struct rlimit limit;
    return getrlimit(RLIMIT_STACK, &limit) || limit.rlim_cur > STACK_MOST ? STACK_MOST : limit.rlim_cur;
}

bool _mpk_harden_note_main_stack(void) {
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[LINE_BYTES];
    unsigned long begin, end, below = 0;
    bool found = false;
    if (!maps) return false;
    while (!found && fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%lx-%lx ", &begin, &end) != 2) continue; /* the rest of a long line */
        found = strstr(line, "[stack]") != NULL;
        if (!found) below = end;
    }
    fclose(maps);
    if (!found) return false;
    uintptr_t most = most_bytes();
    uintptr_t low = end - below > most ? end - most : below;
    MPK_RUNTIME->main_stack_low = low < begin ? low : begin;
    MPK_RUNTIME->main_stack_high = end;
    return true;
}

void _mpk_harden_guess_main_stack(void) {
    const char *name = (const char *)getauxval(AT_EXECFN);
    uintptr_t here = (uintptr_t)__builtin_frame_address(0), last = name ? (uintptr_t)name + strlen(name) : here;
    MPK_RUNTIME->main_stack_high = (last | (MPK_PAGE_BYTES - 1)) + 1;
    MPK_RUNTIME->main_stack_low = MPK_RUNTIME->main_stack_high - (most_bytes() & ~(uintptr_t)(MPK_PAGE_BYTES - 1));
}
