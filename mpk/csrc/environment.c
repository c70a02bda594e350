/* environment.c - reads the GALEED_* variables, once, at start.
 *
 * Invariant: a variable that is set has one of its documented values, or the
 * runtime does not start; the error names variable, value and allowed values.
 *
 * Attacker: none yet; no foreign code has run behind a gate. In a set-user-id
 * program the variables are ignored (secure_getenv), since its caller sets them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "environment.h"
#include "mpk_heap.h"

struct choice { const char *word; int value; };

/* Leaves *out alone when the variable is not set. */
static int choose(const char *name, const struct choice *choices, const char *allowed, int *out) {
    const char *value = secure_getenv(name);
    if (!value) return 0;
    for (; choices->word; choices++) {
        if (strcmp(value, choices->word)) continue;
        *out = choices->value;
        return 0;
    }
    return _mpk_explain(MPK_EENVIRONMENT, "%s is \"%s\"; it may be %s", name, value, allowed);
}

#define HARDEN_BYTES_DEFAULT ((size_t)1 << 30)
#define HARDEN_BYTES_LEAST ((size_t)1 << 20)

/* A number with K, M or G behind it. */
static int read_bytes(const char *name, size_t *out) {
    const char *value = secure_getenv(name);
    if (!value) return 0;
    char *unit;
    errno = 0;
    unsigned long long number = strtoull(value, &unit, 10);
    unsigned shift = *unit == 'K' ? 10 : *unit == 'M' ? 20 : *unit == 'G' ? 30 : 64;
    if (*value >= '0' && *value <= '9' && !errno && shift < 64 && !unit[1] && number <= SIZE_MAX >> shift) {
        *out = (size_t)number << shift;
        if (*out >= HARDEN_BYTES_LEAST) return 0;
    }
    return _mpk_explain(MPK_EENVIRONMENT, "%s is \"%s\"; it may be a size from 1M on: a number and K, M or G",
                        name, value);
}

static int read_harden(struct environment *out) {
    const char *value = secure_getenv("GALEED_HARDEN");
    out->harden = (struct mpk_harden_policy){0, 0};
    out->harden_bytes = HARDEN_BYTES_DEFAULT;
    if (value && mpk_harden_parse(value, &out->harden))
        return _mpk_explain(MPK_EENVIRONMENT, "GALEED_HARDEN is \"%s\"; it may be none, basic, strict, full, or parts "
                            "joined by commas: dump, secretmem, seal, landlock, syscalls, signals, rseq, code, stacks, "
                            "fork, deputy; with ? behind what is optional", value);
    return read_bytes("GALEED_HARDEN_MEMORY", &out->harden_bytes);
}

/* A process whose standard files are closed gets their numbers for the next files: what it then
 * says on stderr would stand in the report. */
static int beyond_standard(int fd) {
    if (fd < 0 || fd > STDERR_FILENO) return fd;
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1), why = errno;
    close(fd);
    errno = why;
    return moved;
}

/* The file that a variable names, for appending. O_NONBLOCK for the opening only: a pipe
 * that nobody reads is an error, not waited for. */
static int open_named(const char *name, int *fd) {
    const char *path = secure_getenv(name);
    if (!path) return 0;
    *fd = beyond_standard(open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644));
    if (*fd >= 0) {
        fcntl(*fd, F_SETFL, O_APPEND);
        return 0;
    }
    return _mpk_explain(MPK_EENVIRONMENT,
                        "%s is \"%s\", which cannot be opened for appending (%s); "
                        "it must name a file in a directory that exists, or a pipe that is read",
                        name, path, strerror(errno));
}

int _mpk_environment_read(struct environment *out) {
    static const struct choice backends[] = {
        {"auto", MPK_BACKEND_NONE}, {"pku", MPK_BACKEND_PKU}, {"mprotect", MPK_BACKEND_MPROTECT}, {0}};
    static const struct choice rights[] = {{"none", MPK_NONE}, {"read", MPK_READ}, {0}};
    static const struct choice traps[] = {{"refuse", MPK_ON_TRAP_REFUSE}, {"serve", MPK_ON_TRAP_SERVE},
                                          {"serve-raw", MPK_ON_TRAP_SERVE_RAW}, {0}};
    static const struct choice policies[] = {{"abort", MPK_ON_VIOLATION_ABORT},
                                             {"unwind", MPK_ON_VIOLATION_UNWIND},
                                             {"report", MPK_ON_VIOLATION_REPORT}, {0}};
    static const struct choice sites[] = {
        {"off", MPK_SITES_OFF}, {"sampled", MPK_SITES_SAMPLED}, {"full", MPK_SITES_FULL}, {0}};
    int backend = MPK_BACKEND_NONE, right = MPK_NONE, policy = MPK_ON_VIOLATION_ABORT;
    int trap = MPK_ON_TRAP_REFUSE, site = MPK_SITES_OFF, error;
    if ((error = choose("GALEED_BACKEND", backends, "auto, pku or mprotect", &backend)) ||
        (error = choose("GALEED_FOREIGN_RIGHTS", rights, "none or read", &right)) ||
        (error = choose("GALEED_ON_VIOLATION", policies, "abort, unwind or report", &policy)) ||
        (error = choose("GALEED_ON_TRAP", traps, "refuse, serve or serve-raw", &trap)) ||
        (error = choose("GALEED_SITES", sites, "off, sampled or full", &site)) ||
        (error = read_harden(out)))
        return error;
    out->backend = (enum mpk_backend)backend;
    out->foreign_rights = (enum mpk_rights)right;
    out->policy = (enum mpk_policy)policy;
    out->on_trap = (enum mpk_on_trap)trap;
    out->sites = (enum mpk_site_level)site;
    out->heap_parts = MPK_HEAP_DEFAULT;
    const char *heap = secure_getenv("GALEED_HEAP");
    if (heap && mpk_heap_parse(heap, &out->heap_parts))
        return _mpk_explain(MPK_EENVIRONMENT, "GALEED_HEAP is \"%s\"; it may be default, hardened, or some of "
                            "random, guards, quarantine and zero, joined by commas", heap);
    out->report_fd = out->profile_fd = -1;
    if ((error = open_named("GALEED_REPORT", &out->report_fd))) return error;
    error = open_named("GALEED_PROFILE", &out->profile_fd);
    if (error && out->report_fd >= 0) close(out->report_fd);
    return error;
}
