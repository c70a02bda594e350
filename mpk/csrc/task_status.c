/* task_status.c - see task_status.h.
 *
 * The file is read to its end, line by line: a user in many groups has a long line
 * before those that matter.
 *
 * Attacker: cannot change what the kernel writes there.
 *
 * Source: as there.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "task_status.h"

#define LINE_BYTES 64   /* as much of a line as is looked at */
#define CHUNK_BYTES 1024
#define STATE "State:\t"
#define PENDING "SigPnd:\t"
#define BLOCKED "SigBlk:\t"
enum { HAVE_PENDING = 1, HAVE_BLOCKED = 2 };

/* "123/status", opened. */
static int open_file(int directory, int32_t thread, const char *which) {
    char name[32], digits[12], *end = name;
    int length = 0;
    for (int32_t rest = thread; rest; rest /= 10) digits[length++] = (char)('0' + rest % 10);
    while (length) *end++ = digits[--length];
    strcpy(end, which);
    return openat(directory, name, O_RDONLY | O_CLOEXEC);
}

static uint64_t mask_of(const char *hexadecimal) { return strtoull(hexadecimal, NULL, 16); }

static int judge(const char *line, struct task_status *status) {
    if (!strncmp(line, STATE, sizeof STATE - 1)) {
        char state = line[sizeof STATE - 1];
        status->gone = state == 'Z' || state == 'X';
        status->sleeps = state == 'S';
    }
    if (!strncmp(line, PENDING, sizeof PENDING - 1)) {
        status->pending = mask_of(line + sizeof PENDING - 1);
        return HAVE_PENDING;
    }
    if (!strncmp(line, BLOCKED, sizeof BLOCKED - 1)) {
        status->blocked = mask_of(line + sizeof BLOCKED - 1);
        return HAVE_BLOCKED;
    }
    return 0;
}

struct task_status _mpk_task_status(int directory, int32_t thread) {
    struct task_status status = {0};
    char chunk[CHUNK_BYTES], line[LINE_BYTES];
    size_t used = 0;
    int have = 0;
    long bytes;
    int file = open_file(directory, thread, "/status");
    if (file < 0) {
        status.gone = errno == ENOENT || errno == ESRCH;
        return status;
    }
    while ((bytes = read(file, chunk, sizeof chunk)) > 0)
        for (long i = 0; i < bytes; i++) {
            if (chunk[i] != '\n') {
                if (used < sizeof line - 1) line[used++] = chunk[i];
                continue;
            }
            line[used] = 0;
            used = 0;
            have |= judge(line, &status);
        }
    if (bytes < 0) status.gone = errno == ESRCH;
    close(file);
    status.known = have == (HAVE_PENDING | HAVE_BLOCKED);
    return status;
}

int64_t _mpk_task_ran_ns(int directory, int32_t thread) {
    char text[LINE_BYTES];
    int file = open_file(directory, thread, "/schedstat");
    if (file < 0) return -1;
    long bytes = read(file, text, sizeof text - 1);
    close(file);
    if (bytes <= 0) return -1;
    text[bytes] = 0;
    return (int64_t)strtoull(text, NULL, 10);
}
