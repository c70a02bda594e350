/* report_place.c - see report_place.h. No allocation, no locks, little stack: a signal
 * handler is where it runs.
 *
 * An anonymous mapping right behind a file's counts as that file's: so do .bss, and text
 * that part CODE of mpk_harden has moved over the original.
 *
 * Source: [proc(5)] for the lines.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "report_place.h"

/* The program's (or library's) own header. */
extern const char __ehdr_start[] __attribute__((weak, visibility("hidden")));
#define PROGRAM_MOST (1u << 30) /* further away is some other file */

struct maps {
    int fd;
    char *at, *end;
    char buffer[256];
};

/* The next byte; -1 at the end. */
static int next(struct maps *maps) {
    if (maps->at == maps->end) {
        ssize_t got;
        do got = read(maps->fd, maps->buffer, sizeof maps->buffer);
        while (got < 0 && errno == EINTR);
        if (got <= 0) return -1;
        maps->at = maps->buffer;
        maps->end = maps->buffer + got;
    }
    return (unsigned char)*maps->at++;
}

/* A hexadecimal number, and the byte behind it. */
static int number(struct maps *maps, uintptr_t *out) {
    int byte;
    for (*out = 0; (byte = next(maps)) >= 0; *out = *out * 16 + (uintptr_t)byte) {
        if (byte >= '0' && byte <= '9') byte -= '0';
        else if (byte >= 'a' && byte <= 'f') byte -= 'a' - 10;
        else break;
    }
    return byte;
}

static int skip_field(struct maps *maps) {
    int byte;
    while ((byte = next(maps)) >= 0 && byte != ' ' && byte != '\n') {}
    return byte;
}

struct mapping {
    uintptr_t start, end, offset;
    char path[REPORT_PATH_BYTES]; /* "" anonymous, or too long */
};

/* One line. Returns false at the end. */
static bool next_mapping(struct maps *maps, struct mapping *out) {
    if (number(maps, &out->start) != '-' || number(maps, &out->end) != ' ') return false;
    skip_field(maps); /* rights */
    if (number(maps, &out->offset) != ' ') return false;
    skip_field(maps); /* device */
    int byte = skip_field(maps); /* inode */
    while (byte == ' ') byte = next(maps);
    size_t length = 0;
    for (; byte >= 0 && byte != '\n'; byte = next(maps), length++)
        if (length < sizeof out->path) out->path[length] = (char)byte;
    if (length >= sizeof out->path) length = 0;
    out->path[length] = '\0';
    return true;
}

static void ask_kernel(uintptr_t pc, struct report_place *out) {
    struct maps maps = {.fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC)};
    struct mapping mapping;
    uintptr_t base = 0, end = 0; /* of the file in out->path */
    if (maps.fd < 0) return;
    while (next_mapping(&maps, &mapping) && mapping.start <= pc) {
        if (mapping.path[0] == '/' && strcmp(mapping.path, out->path)) {
            memcpy(out->path, mapping.path, sizeof out->path);
            base = mapping.start - mapping.offset;
        } else if (mapping.path[0] != '/' && mapping.start != end) {
            out->path[0] = '\0';
        }
        end = mapping.end;
        if (pc >= mapping.end) continue;
        out->known = out->path[0] != '\0';
        out->offset = pc - base;
        break;
    }
    if (!out->known) out->path[0] = '\0';
    close(maps.fd);
}

void _mpk_report_place(uintptr_t pc, struct report_place *out) {
    uintptr_t program = (uintptr_t)__ehdr_start;
    *out = (struct report_place){0};
    if (!pc) return;
    int saved_errno = errno;
    ask_kernel(pc, out);
    errno = saved_errno;
    out->program = program && pc - program < PROGRAM_MOST && (!out->known || pc - program == out->offset);
    if (!out->program || out->known) return;
    out->known = true;
    out->offset = pc - program;
}
