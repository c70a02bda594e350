/* code_copy.c - see code_copy.h.
 *
 * Attacker: foreign code on other threads could find the pipe's descriptor and change the
 * bytes on their way, as it could change the copy: it is judged only after it is closed
 * to writing (harden_code.c). Nothing here waits for it.
 *
 * Source: [pipe(7)].
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "code_copy.h"

#define AT_ONCE ((size_t)64 << 10) /* what a pipe usually holds; less only makes more steps */

/* post: that many bytes are there, or errno says why not. */
static ssize_t step(const int pipe_ends[2], uint8_t *to, uintptr_t from, size_t bytes) {
    ssize_t written = write(pipe_ends[1], (const void *)from, bytes < AT_ONCE ? bytes : AT_ONCE);
    for (ssize_t done = 0; done < written;) {
        ssize_t more = read(pipe_ends[0], to + done, (size_t)(written - done));
        if (more == 0) errno = EPIPE;
        if (more <= 0) return -1;
        done += more;
    }
    return written;
}

static int copy(const int pipe_ends[2], uint8_t *to, uintptr_t from, size_t bytes, uintptr_t *failed) {
    for (size_t done = 0; done < bytes;) {
        ssize_t more = step(pipe_ends, to + done, from + done, bytes - done);
        if (more < 0 && errno == EINTR) continue;
        if (more < 0) {
            *failed = from + done;
            return -1;
        }
        done += (size_t)more;
    }
    return 0;
}

uint8_t *_mpk_code_copy(uintptr_t from, size_t bytes, uintptr_t *failed) {
    int pipe_ends[2];
    *failed = 0;
    if (pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK)) return NULL;
    uint8_t *to = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int error = to == MAP_FAILED || copy(pipe_ends, to, from, bytes, failed) ? errno : 0;
    if (error && to != MAP_FAILED) munmap(to, bytes);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    errno = error;
    return error ? NULL : to;
}
