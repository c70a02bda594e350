/* task_status.c - see task_status.h.
 *
 * The file is read to its end, line by line: a user in many groups has a long line
 * before those that matter.
 *
 * Attacker: cannot change what the kernel writes there.
 *
 * Source: proc(5).
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

/* "123/status" */
static void name_file(char name[24], int32_t thread) {
    char digits[12];
    int length = 0;
    for (int32_t rest = thread; rest; rest /= 10) digits[length++] = (char)('0' + rest % 10);
    while (length) *name++ = digits[--length];
    strcpy(name, "/status");
}

static uint64_t mask_of(const char *hexadecimal) { return strtoull(hexadecimal, NULL, 16); }

static int judge(const char *line, struct task_status *status) {
    if (!strncmp(line, STATE, sizeof STATE - 1))
        status->gone = line[sizeof STATE - 1] == 'Z' || line[sizeof STATE - 1] == 'X';
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
    char name[24], chunk[CHUNK_BYTES], line[LINE_BYTES];
    size_t used = 0;
    int have = 0;
    long bytes;
    name_file(name, thread);
    int file = openat(directory, name, O_RDONLY | O_CLOEXEC);
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
