/* harden.c - mpk_harden: which parts, in which order, and what is said about it.
 *
 * Order: everything is checked before anything changes. Then what could be undone,
 * then page rights, then what needs the file system, then the file system, and last
 * the system call filter, which takes away what the steps before it needed.
 *
 * Attacker: foreign code that calls this is told off. What it does later is what
 * each part is about; see the files of the parts.
 * ASSUMES: no hostile foreign code ran before mpk_harden, which cannot find all that
 * it could have prepared (a ring of io_uring without a descriptor, a signal handler,
 * a sealed page in the way).
 *
 * Source: [PKU Pitfalls], [Hodor], [Cerberus].
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "harden.h"
#include "harden_code.h"
#include "prim.h"
#include "record.h"

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

static void add_line(struct hardening *h, const char *prefix, const char *format, va_list arguments) {
    char *reason = h->report->reason;
    size_t used = strlen(reason), room = sizeof h->report->reason;
    int written = snprintf(reason + used, room - used, "%s%s%s", used ? "; " : "", prefix, *prefix ? ": " : "");
    used += written > 0 ? (size_t)written : 0;
    if (used < room) vsnprintf(reason + used, room - used, format, arguments);
}

int _mpk_harden_refuse(struct hardening *h, uint32_t part, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    add_line(h, mpk_harden_part_name(part), format, arguments);
    va_end(arguments);
    return MPK_EHARDEN;
}

void _mpk_harden_remark(struct hardening *h, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    add_line(h, "", format, arguments);
    va_end(arguments);
}

/* ---- The ranges that parts are about. ------------------------------------ */

size_t _mpk_harden_ranges(struct harden_range out[HARDEN_RANGES]) {
    size_t count = 0;
    _Static_assert(MPK_HOST_BASE + (UINT64_C(1) << MPK_HOST_SHIFT) == MPK_PUBLISHED_BASE, "one range");
    out[count++] = (struct harden_range){MPK_HOST_BASE, MPK_PUBLISHED_BASE + MPK_PUBLISHED_BYTES - MPK_HOST_BASE};
    out[count++] = (struct harden_range){(uintptr_t)&_mpk_started, sizeof _mpk_started};
    for (int i = 0; i < MPK_MAX_DOMAINS; i++) {
        const struct domain_extent *extent = &MPK_RUNTIME->extents[i];
        if (extent->base && extent->base != MPK_HOST_BASE)
            out[count++] = (struct harden_range){extent->base, extent->bytes};
    }
    return count;
}

int _mpk_harden_each_mapped(int (*step)(uintptr_t, size_t, void *), void *argument) {
    int error = step(MPK_PUBLISHED_BASE, MPK_PUBLISHED_BYTES, argument);
    for (int i = 0; i < MPK_MAX_DOMAINS && !error; i++) {
        const struct domain_extent *extent = &MPK_RUNTIME->extents[i];
        if (extent->base) error = step(extent->base, extent->bytes, argument);
    }
    return error;
}

/* ---- Parts --------------------------------------------------------------- */

static int secret_check(struct hardening *h) {
    if (MPK_RUNTIME->prepared & MPK_HARDEN_SECRETMEM) return _mpk_harden_secret_check(h);
    return _mpk_harden_refuse(h, MPK_HARDEN_SECRETMEM, "has to be prepared before the program starts, and was not: set "
                              "GALEED_HARDEN=secretmem (or a level with it) in the environment, or run the program by "
                              "python -m mpk.hardening");
}

/* harden_code.c writes its line itself, prefix and all. */
static int code(struct hardening *h, int (*step)(struct mpk_harden_report *)) {
    struct mpk_harden_report report;
    memset(&report, 0, sizeof report);
    int error = step(&report);
    if (error) _mpk_harden_remark(h, "%s", report.reason);
    return error;
}

static int check_part(struct hardening *h, uint32_t part) {
    uint32_t closed = MPK_HARDEN_SEAL | MPK_HARDEN_LANDLOCK | MPK_HARDEN_SECRETMEM;
    if ((h->in_force & MPK_HARDEN_SYSCALLS) && !(part & closed))
        return _mpk_harden_refuse(h, part, "cannot be added, because syscalls is in force already; ask for "
                                  "all parts in one call");
    int error = 0;
    switch ((enum mpk_harden_part)part) {
    case MPK_HARDEN_SECRETMEM: return secret_check(h);
    case MPK_HARDEN_SEAL: return _mpk_harden_seal_check(h);
    case MPK_HARDEN_LANDLOCK: return _mpk_harden_landlock_check(h);
    case MPK_HARDEN_RSEQ: error = _mpk_harden_rseq_check(h); break;
    case MPK_HARDEN_SIGNALS: error = _mpk_harden_signals_check(h); break;
    case MPK_HARDEN_DEPUTY: error = _mpk_harden_audit(h); break;
    case MPK_HARDEN_CODE: return code(h, _mpk_harden_code_check);
    case MPK_HARDEN_STACKS: return _mpk_harden_stacks_check(h);
    case MPK_HARDEN_DUMP:
    case MPK_HARDEN_FORK:
    case MPK_HARDEN_SYSCALLS:
    case MPK_HARDEN_ALL: break;
    }
    return error || !(part & HARDEN_FILTERED) ? error : _mpk_harden_filter_check(h, part);
}

static int apply_part(struct hardening *h, uint32_t part) {
    switch ((enum mpk_harden_part)part) {
    case MPK_HARDEN_DUMP: return _mpk_harden_dump_apply(h);
    case MPK_HARDEN_FORK: return _mpk_harden_fork_apply(h);
    case MPK_HARDEN_STACKS: return _mpk_harden_stacks_apply(h);
    case MPK_HARDEN_SEAL: return _mpk_harden_seal_apply(h);
    case MPK_HARDEN_LANDLOCK: return _mpk_harden_landlock_apply(h);
    case MPK_HARDEN_SIGNALS: return _mpk_harden_signals_prepare(h);
    case MPK_HARDEN_SYSCALLS: return _mpk_harden_freeze(h, part);
    case MPK_HARDEN_CODE: return code(h, _mpk_harden_code);
    case MPK_HARDEN_SECRETMEM: /* in force since the start */
    case MPK_HARDEN_RSEQ:
    case MPK_HARDEN_DEPUTY:
    case MPK_HARDEN_ALL: break;
    }
    return 0;
}

/* The order in which parts are applied; SYSCALLS here is its freeze only. */
static const uint32_t order[] = {
    MPK_HARDEN_SECRETMEM, MPK_HARDEN_DUMP, MPK_HARDEN_DEPUTY, MPK_HARDEN_RSEQ, MPK_HARDEN_STACKS, MPK_HARDEN_FORK,
    MPK_HARDEN_CODE, MPK_HARDEN_SYSCALLS, MPK_HARDEN_SEAL, MPK_HARDEN_SIGNALS, MPK_HARDEN_LANDLOCK,
};
#define PARTS (sizeof order / sizeof *order)

static void in_force(struct hardening *h, uint32_t parts) {
    h->in_force |= parts;
    atomic_store(&MPK_RUNTIME->hardened, h->in_force);
}

/* Calls step for each wanted part; drops those that are optional and refused. What was
 * applied counts at once: a later part's refusal does not undo it. */
static int each_part(struct hardening *h, uint32_t optional, int (*step)(struct hardening *, uint32_t)) {
    for (size_t i = 0; i < PARTS; i++) {
        uint32_t part = order[i];
        if (!(h->wanted & part)) continue;
        int error = step(h, part);
        if (!error && step == apply_part && !(part & HARDEN_FILTERED)) in_force(h, part);
        if (!error) continue;
        h->wanted &= ~part;
        if (optional & part) {
            h->report->missing |= part;
        } else {
            h->report->failed = part;
            return error;
        }
    }
    return 0;
}

static int apply(struct hardening *h, uint32_t optional) {
    int error = each_part(h, optional, check_part);
    if (!error) error = each_part(h, optional, apply_part);
    if (error) return error;
    uint32_t filtered = h->wanted & HARDEN_FILTERED;
    if (!filtered) return 0;
    error = _mpk_harden_filter_apply(h, filtered);
    if (!error && (error = _mpk_harden_verify(h, filtered)))
        _mpk_harden_remark(h, "the filter stays all the same, and is not counted as applied");
    if (!error) {
        in_force(h, filtered);
        return 0;
    }
    if (filtered & ~optional) h->report->failed = filtered & ~optional & -(filtered & ~optional);
    else error = 0; /* all of them may be missing */
    h->report->missing |= filtered & optional;
    return error;
}

/* A part brings another one with it, as demanded or optional as it is itself. */
static void imply(uint32_t *wanted, uint32_t *optional, uint32_t part, uint32_t other) {
    if (!(*wanted & part) || (*wanted & ~*optional & other)) return;
    *wanted |= other;
    if (*optional & part) *optional |= other;
    else *optional &= ~other;
}

/* Another thread may have been hardening; none is any more. */
void _mpk_harden_fork_child(void) { one_at_a_time = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER; }

int mpk_harden(const struct mpk_harden_policy *policy, struct mpk_harden_report *report) {
    if (!policy || !report) return MPK_EINVALID;
    memset(report, 0, sizeof *report);
    if (policy->parts & ~(uint32_t)MPK_HARDEN_ALL || policy->optional & ~policy->parts) return MPK_EINVALID;
    int error = mpk_start();
    if (error) {
        snprintf(report->reason, sizeof report->reason, "%s", mpk_strerror(error));
        return error;
    }
    if (_mpk_prim()->is_closed()) _mpk_fatal("foreign code called mpk_harden");
    if (_mpk_started.joined) { /* by a magic number, which anybody can write: C9 */
        report->failed = policy->parts;
        snprintf(report->reason, sizeof report->reason, "the runtime's state lay there before this copy of it started, "
                 "as another copy's (or forged): harden in the copy that starts first, before others are loaded");
        return MPK_EHARDEN;
    }
    struct hardening h = {.report = report, .wanted = policy->parts, .task_directory = -1};
    uint32_t optional = policy->optional;
    imply(&h.wanted, &optional, MPK_HARDEN_SYSCALLS, MPK_HARDEN_DEPUTY);
    imply(&h.wanted, &optional, MPK_HARDEN_SECRETMEM, MPK_HARDEN_FORK);
    pthread_mutex_lock(&one_at_a_time);
    h.in_force = mpk_hardened();
    h.wanted &= ~h.in_force;
    h.task_directory = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    uint32_t frozen = atomic_load(&MPK_RUNTIME->frozen);
    error = apply(&h, optional);
    if (error && !frozen && atomic_load(&MPK_RUNTIME->frozen))
        _mpk_harden_remark(&h, "the domains are frozen nevertheless");
    if (h.task_directory >= 0) close(h.task_directory);
    report->applied = mpk_hardened();
    if (!(report->applied & MPK_HARDEN_SIGNALS)) atomic_store(&MPK_RUNTIME->signals_end, 0);
    pthread_mutex_unlock(&one_at_a_time);
    return error;
}
