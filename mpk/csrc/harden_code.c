/* harden_code.c - scans all code of the process, takes gadgets out, seals the text.
 *
 * Invariant: what is judged is what stays. Text is copied first; the copy is scanned,
 * patched, closed to writing and scanned again, and only then put in place of the
 * original; at the end everything that is executable is looked at once more, in place.
 *
 * A gadget is changed only where it is a whole instruction whose use is known: libc's
 * pkey_set and the probe's bare WRPKRU go, the dynamic loader's XRSTORs (lazy binding)
 * are led to tested copies. Ours are compared right after and stay. Anything else is
 * refused by name, never left in silence (code_judge.c).
 *
 * The copies are anonymous: pages of a file that nobody wrote to would show what is
 * later written into the file [PKU Pitfalls].
 *
 * Attacker: runs only behind gates so far; may run on other threads meanwhile.
 *
 * Source: [ERIM], [PKU Pitfalls], [mseal(2)].
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "code_copy.h"
#include "code_detour.h"
#include "code_judge.h"
#include "code_maps.h"
#include "harden_code.h"
#include "mpk.h"
#include "mpk_scan.h"

#ifndef SYS_mseal
#define SYS_mseal 462 /* Linux 6.10; older C library headers lack the name */
#endif
#define MSEAL_NO_SUCH_FLAG 1ul
#define XCR0_APX (1u << 19)
#define CPUID_OSXSAVE (1u << 27) /* leaf 1, ECX */

static int refuse(struct mpk_harden_report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static int refuse(struct mpk_harden_report *report, const char *format, ...) {
    va_list arguments;
    int length = snprintf(report->reason, sizeof report->reason, "code: ");
    va_start(arguments, format);
    vsnprintf(report->reason + length, sizeof report->reason - (size_t)length, format, arguments);
    va_end(arguments);
    report->failed = MPK_HARDEN_CODE;
    return MPK_EHARDEN;
}

static int refuse_hit(struct mpk_harden_report *report, const struct mpk_scan_hit *hit, const struct code_judged *judged) {
    const struct code_place *place = &judged->place;
    char function[160] = "";
    if (place->function)
        snprintf(function, sizeof function, " (function %s at +0x%lx, offset %lu)",
                 place->symbol ? place->symbol : "without an exported name", place->function - place->object_base,
                 judged->at - place->function);
    return refuse(report, "%s at 0x%lx in %s+0x%lx%s: %s (galeed-probe --scan shows the place)",
                  mpk_gadget_name(hit->gadget), judged->at, place->object[0] ? place->object : "no loaded object",
                  judged->at - place->object_base, function, judged->why);
}

/* One pass of the scanner over a run, or over its copy. */
struct pass {
    struct code_view view;
    struct mpk_harden_report *report;
    uint8_t *patch;               /* the view's bytes, to be changed; NULL: judge only */
    struct code_detours *detours; /* with patch */
    bool clean;                   /* nothing may be left to change */
};

static int change(struct pass *pass, const struct code_judged *judged) {
    uintptr_t address = judged->place.instruction;
    uint8_t *at = pass->patch + (address - pass->view.start);
    if (judged->verdict == CODE_DETOUR) {
        if (_mpk_code_detour(pass->detours, at, address, judged->place.length)) return 0;
        return refuse(pass->report, "the XRSTOR at 0x%lx in %s cannot be led elsewhere (%s)", address,
                      judged->place.object, strerror(errno));
    }
    memset(at, 0xCC, judged->place.length); /* INT3 */
    memcpy(at, "\x0F\x0B", 2);             /* UD2 */
    return 0;
}

static int visit(const struct mpk_scan_hit *hit, void *context) {
    struct pass *pass = context;
    struct code_judged judged;
    _mpk_code_judge(&pass->view, hit, &judged);
    if (judged.verdict == CODE_LEAVE) return 0;
    if (judged.verdict != CODE_REFUSE && pass->clean) judged.why = "it came back while the text was replaced";
    if (judged.verdict == CODE_REFUSE || pass->clean) return refuse_hit(pass->report, hit, &judged);
    return pass->patch ? change(pass, &judged) : 0;
}

static int scan(struct pass *pass) {
    return mpk_scan(pass->view.bytes, pass->view.count, visit, pass);
}

/* ---- What must hold before -------------------------------------------------- */

static bool has_apx(void) {
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & CPUID_OSXSAVE)) return false;
    __asm__ volatile("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
    return eax & XCR0_APX;
}

static int check_system(struct mpk_harden_report *report) {
    int persona = personality(0xFFFFFFFF);
    if (persona == -1 || persona & READ_IMPLIES_EXEC)
        return refuse(report, "the process has the personality READ_IMPLIES_EXEC, which makes all data executable; "
                      "start it without (setarch -X, or an executable stack in the main program)");
    if (has_apx())
        return refuse(report, "this CPU has APX switched on, whose REX2 prefix can spell WRPKRU and WRFSBASE in a way "
                      "that the scanner does not know");
    bool faked = syscall(SYS_mseal, 0, 0, MSEAL_NO_SUCH_FLAG) == 0;
    if (faked || errno != EINVAL)
        return refuse(report, "the kernel has no mseal (%s), without which code could be moved or replaced; "
                      "Linux 6.10 or newer has it", faked ? "somebody fakes it" : strerror(errno));
    return 0;
}

static int check_mapping(struct mpk_harden_report *report, const struct code_mapping *mapping) {
    const char *name = mapping->name[0] ? mapping->name : "memory without a name";
    if (mapping->writable)
        return refuse(report, "0x%lx-0x%lx (%s) is writable and executable; a program that makes code at run time, "
                      "or has an executable stack, cannot be closed", mapping->start, mapping->end, name);
    if (mapping->shared)
        return refuse(report, "0x%lx-0x%lx (%s) is executable and shared: others can change it",
                      mapping->start, mapping->end, name);
    if (!mapping->readable)
        return refuse(report, "0x%lx-0x%lx (%s) is execute-only and cannot be scanned",
                      mapping->start, mapping->end, name);
    return 0;
}

static struct code_maps *maps_or_refuse(struct mpk_harden_report *report) {
    struct code_maps *maps = _mpk_code_maps();
    if (!maps)
        refuse(report, "/proc/self/maps cannot be read (%s); is /proc mounted, and the process dumpable?",
               strerror(errno));
    return maps;
}

static uintptr_t run_start(const struct code_maps *maps, size_t first) {
    return maps->list[first].start;
}

static size_t run_bytes(const struct code_maps *maps, size_t first) {
    return maps->list[_mpk_code_run_end(maps, first) - 1].end - run_start(maps, first);
}

/* A writable copy of a run's code; NULL: refused. */
static uint8_t *copy_of_run(struct mpk_harden_report *report, const struct code_maps *maps, size_t first) {
    uintptr_t failed;
    uint8_t *copy = _mpk_code_copy(run_start(maps, first), run_bytes(maps, first), &failed);
    if (!copy && failed)
        refuse(report, "code at 0x%lx (%s) cannot be read (%s)", failed, maps->list[first].name, strerror(errno));
    else if (!copy)
        refuse(report, "no copy of the text can be made: no memory or no descriptor for it (%s)", strerror(errno));
    return copy;
}

static int check_maps(struct mpk_harden_report *report, const struct code_maps *maps, bool clean) {
    for (size_t i = 0; i < maps->count; i++) {
        int error = check_mapping(report, &maps->list[i]);
        if (error) return error;
    }
    for (size_t i = 0; i < maps->count; i = _mpk_code_run_end(maps, i)) {
        uint8_t *copy = copy_of_run(report, maps, i);
        if (!copy) return MPK_EHARDEN;
        struct pass pass = {{copy, run_start(maps, i), run_bytes(maps, i)}, .report = report, .clean = clean};
        int error = scan(&pass);
        munmap(copy, pass.view.count);
        if (error) return error;
    }
    return 0;
}

int _mpk_harden_code_check(struct mpk_harden_report *report) {
    int error = check_system(report);
    if (error) return error;
    struct code_maps *maps = maps_or_refuse(report);
    if (!maps) return MPK_EHARDEN;
    error = check_maps(report, maps, false);
    _mpk_code_maps_free(maps);
    return error;
}

/* ---- Doing it ----------------------------------------------------------------- */

/* The effect itself: a sealed mapping refuses even the protection that it has. */
static bool is_sealed(const struct code_mapping *mapping) {
    return mprotect((void *)mapping->start, mapping->end - mapping->start, PROT_READ | PROT_EXEC) && errno == EPERM;
}

/* Best effort, for people who read /proc/PID/maps. */
static void name_text(const struct code_mapping *mapping, void *address, size_t bytes) {
    const char *base = strrchr(mapping->name, '/');
    char name[80];
    snprintf(name, sizeof name, "text of %.60s", base ? base + 1 : mapping->name);
    prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, address, bytes, name);
}

/* Takes the gadgets out of a run's copy and closes it. */
static int prepare_copy(struct pass *pass) {
    int error = scan(pass);
    if (error) return error;
    if (mprotect(pass->patch, pass->view.count, PROT_READ | PROT_EXEC) || !_mpk_code_detours_close(pass->detours))
        return refuse(pass->report, "the kernel refuses to make a copy of the text executable (%s); "
                      "SELinux must allow execmem", strerror(errno));
    struct pass look = {pass->view, .report = pass->report, .clean = true};
    return scan(&look);
}

/* May the copy stay unused? The kernel's code cannot be replaced; what is sealed already was
 * by us, or cannot be. */
static bool stays(const struct code_mapping *mapping) {
    return mapping->kernel || (is_sealed(mapping) && !mapping->file);
}

static int seal(struct mpk_harden_report *report, const char *name, void *address, size_t bytes) {
    if (!syscall(SYS_mseal, address, bytes, 0)) return 0;
    return refuse(report, "the text of %s cannot be sealed (%s)", name, strerror(errno));
}

/* post: *placed counts the copy's bytes that are gone from where they were. */
static int replace_mapping(struct mpk_harden_report *report, const struct code_mapping *mapping, uint8_t *copy,
                           size_t *placed) {
    size_t bytes = mapping->end - mapping->start;
    void *place = (void *)mapping->start;
    if (stays(mapping)) {
        munmap(copy + *placed, bytes);
    } else {
        name_text(mapping, copy + *placed, bytes);
        if (mremap(copy + *placed, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, place) != place)
            return refuse(report, "the text of %s cannot be replaced (%s)", mapping->name, strerror(errno));
    }
    *placed += bytes;
    return is_sealed(mapping) ? 0 : seal(report, mapping->name, place, bytes);
}

static int replace_run(struct mpk_harden_report *report, const struct code_maps *maps, size_t first) {
    struct code_detours detours = {.page = NULL};
    size_t bytes = run_bytes(maps, first), placed = 0;
    uint8_t *copy = copy_of_run(report, maps, first);
    if (!copy) return MPK_EHARDEN;
    struct pass pass = {{copy, run_start(maps, first), bytes}, report, .patch = copy, .detours = &detours};
    int error = prepare_copy(&pass);
    if (error) _mpk_code_detours_free(&detours); /* no jump leads there yet */
    else if (detours.page) error = seal(report, "detours", detours.page, MPK_PAGE_BYTES);
    for (size_t i = first; i < _mpk_code_run_end(maps, first) && !error; i++)
        error = replace_mapping(report, &maps->list[i], copy, &placed);
    if (placed < bytes) munmap(copy + placed, bytes - placed);
    return error;
}

/* Everything once more, as it is now. */
static int look_again(struct mpk_harden_report *report) {
    struct code_maps *maps = maps_or_refuse(report);
    if (!maps) return MPK_EHARDEN;
    int error = 0;
    for (size_t i = 0; i < maps->count && !error; i++) {
        const struct code_mapping *mapping = &maps->list[i];
        if (!is_sealed(mapping) || (mapping->file && !mapping->kernel))
            error = refuse(report, "0x%lx-0x%lx (%s) became executable meanwhile; load all libraries before",
                           mapping->start, mapping->end, mapping->name);
    }
    if (!error) error = check_maps(report, maps, true);
    _mpk_code_maps_free(maps);
    return error;
}

int _mpk_harden_code(struct mpk_harden_report *report) {
    int error = _mpk_harden_code_check(report);
    if (error) return error;
    struct code_maps *maps = maps_or_refuse(report);
    if (!maps) return MPK_EHARDEN;
    for (size_t i = 0; i < maps->count && !error; i = _mpk_code_run_end(maps, i)) error = replace_run(report, maps, i);
    _mpk_code_maps_free(maps);
    return error ? error : look_again(report);
}
