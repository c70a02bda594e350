/* code_maps.c - reads /proc/self/maps.
 *
 * Invariant: every line is understood, or the whole list is refused: a mapping that
 * was overlooked would be code that nobody scanned.
 *
 * Attacker: none has run yet, or only behind gates; what is done with the list is
 * looked at again afterwards (harden_code.c).
 *
 * Source: [proc(5)].
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "code_maps.h"

static void keep_end(char *out, size_t room, const char *path) {
    size_t length = strlen(path);
    bool cut = length >= room;
    snprintf(out, room, "%s%s", cut ? "..." : "", cut ? path + length - (room - 4) : path);
}

/* Returns 1 when the line is an executable mapping, 0 when not, -1 when it is no mapping. */
static int parse(char *line, struct code_mapping *out) {
    char flags[5];
    unsigned long inode;
    int path = 0;
    line[strcspn(line, "\n")] = '\0';
    if (sscanf(line, "%lx-%lx %4s %*x %*x:%*x %lu %n", &out->start, &out->end, flags, &inode, &path) != 4 ||
        path == 0 || strlen(flags) != 4)
        return -1;
    const char *name = line + path;
    out->readable = flags[0] == 'r';
    out->writable = flags[1] == 'w';
    out->shared = flags[3] == 's';
    out->file = inode != 0;
    out->kernel = !strcmp(name, "[vdso]");
    keep_end(out->name, sizeof out->name, name);
    return flags[2] == 'x' && strcmp(name, "[vsyscall]") != 0;
}

static bool read_into(struct code_maps *maps, FILE *file) {
    char *line = NULL;
    size_t room = 0;
    int wrong = 0;
    while (!wrong && getline(&line, &room, file) > 0) {
        struct code_mapping mapping;
        int executable = parse(line, &mapping);
        if (executable < 0) wrong = EPROTO;
        else if (executable && maps->count == CODE_MAPPINGS) wrong = E2BIG;
        else if (executable) maps->list[maps->count++] = mapping;
    }
    if (!wrong && ferror(file)) wrong = EIO;
    free(line);
    errno = wrong;
    return wrong == 0;
}

struct code_maps *_mpk_code_maps(void) {
    struct code_maps *maps =
        mmap(NULL, sizeof *maps, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (maps == MAP_FAILED) return NULL;
    FILE *file = fopen("/proc/self/maps", "re");
    bool whole = file && read_into(maps, file);
    int why = errno;
    if (file) fclose(file);
    if (whole) return maps;
    _mpk_code_maps_free(maps);
    errno = why;
    return NULL;
}

void _mpk_code_maps_free(struct code_maps *maps) {
    munmap(maps, sizeof *maps);
}

size_t _mpk_code_run_end(const struct code_maps *maps, size_t first) {
    size_t end = first + 1;
    while (end < maps->count && maps->list[end].start == maps->list[end - 1].end) end++;
    return end;
}
