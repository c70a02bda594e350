/* start.c - brings the runtime up: environment, backend, published range.
 *
 * Invariant: after mpk_start() == 0 the published range exists, foreign code may
 * not write it once a gate has closed, and _mpk_started.started is 1 on a page
 * that is read-only. A second start, also one that foreign code provokes by
 * spoiling the lock below, finds that page and does nothing.
 *
 * Attacker: may call mpk_start and scribble over the mutex and the explanation
 * (ordinary memory): the worst is a wrong message or a hang.
 *
 * Source: [pkeys(7)] for the detection, [SDM 2, CPUID leaf 7].
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "environment.h"
#include "harden.h"
#include "pkru.h"
#include "prim.h"
#include "record.h"
#include "mpk_sites.h"
#include "signal_frame.h"

#define CPUID_OSPKE (1u << 4)        /* leaf 7, ECX: the kernel turned user keys on */
#define AT_HWCAP2_FSGSBASE (1u << 1) /* the kernel lets programs use RDFSBASE */
#define KEYS 16
#define WORDS_OF(number) #number
#define WORDS(number) WORDS_OF(number)
#define KEYS_NEEDED 2                /* published range and host domain */

struct started_page _mpk_started __attribute__((aligned(MPK_PAGE_BYTES)));

static pthread_mutex_t start_lock = PTHREAD_MUTEX_INITIALIZER;
static char explanation[400];
static int explained;                /* which error the line above is about */

int _mpk_explain(int error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(explanation, sizeof explanation, format, arguments);
    va_end(arguments);
    explained = error;
    return error;
}

const char *mpk_strerror(int error) {
    if (error == explained && error != MPK_OK) return explanation;
    switch ((enum mpk_error)error) {
    case MPK_OK: return "no error";
    case MPK_ENOPKU: return "no protection keys here: CPU or kernel has none; use GALEED_BACKEND=mprotect or auto";
    case MPK_ENOKEY: return "no hardware protection key is left (pku), or all " WORDS(MPK_MAX_DOMAINS) " domains exist; "
                            "destroy one, or use page groups (mpk_keys.h)";
    case MPK_ENOMEM: return "out of memory, or the domain's range is full";
    case MPK_EADDRESS: return "the fixed address range of the runtime is taken by another mapping";
    case MPK_EENVIRONMENT: return "a GALEED_* environment variable has a value that it may not have";
    case MPK_EINVALID: return "an argument is outside its documented range";
    case MPK_EKERNEL: return "the kernel refused a call that it should support; errno says why";
    case MPK_ENESTED: return "gates are nested too deeply";
    case MPK_ETHREADS: return "too many live threads use the runtime";
    case MPK_EPINNED: return "an open mpk_begin holds the page group, or open ones hold every hardware key (pku); "
                             "end one first, or wait";
    case MPK_EVKEY: return "no page group has this virtual key, or, in mpk_mmap, one has it already";
    case MPK_EHARDEN: return "a demanded part of the hardening policy cannot be had here, or hardening forbids this now";
    case MPK_ELIMIT: return "the domain's memory limit is reached";
    }
    return "unknown error number";
}

int mpk_pku_available(void) {
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || !(ecx & CPUID_OSPKE)) return 0;
    long key = syscall(SYS_pkey_alloc, 0, PKRU_ACCESS_DISABLE);
    if (key < 0) return errno == ENOSPC; /* there are keys, all taken: that is ENOKEY's business */
    syscall(SYS_pkey_free, key);         /* it never was on a page */
    return 1;
}

int mpk_keys_free(void) {
    long keys[KEYS];
    int count = 0;
    if (!mpk_pku_available()) return 0;
    while (count < KEYS && (keys[count] = syscall(SYS_pkey_alloc, 0, PKRU_ACCESS_DISABLE)) >= 0) count++;
    for (int i = 0; i < count; i++) syscall(SYS_pkey_free, keys[i]);
    if (_mpk_started.started) count += __builtin_popcount(MPK_RUNTIME->spare_keys);
    return count;
}

/* Is the mapping that sits at our address another copy's published range? Read by a
 * write system call, which fails where a load would fault, and knows secret memory. */
static bool another_copy_started(void) {
    uint64_t magic = 0;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK)) return false;
    bool same = write(ends[1], &MPK_RUNTIME->magic, sizeof magic) == sizeof magic &&
                read(ends[0], &magic, sizeof magic) == sizeof magic && magic == MPK_MAGIC;
    close(ends[0]);
    close(ends[1]);
    return same;
}

/* Part SECRETMEM of GALEED_HARDEN, before anything is in the range. */
static int prepare_secret(const struct mpk_harden_policy *policy, uint32_t *prepared) {
    if (!(policy->parts & MPK_HARDEN_SECRETMEM)) return 0;
    int why = _mpk_secret_prepare();
    if (!why) *prepared = MPK_HARDEN_SECRETMEM;
    return !why || policy->optional & MPK_HARDEN_SECRETMEM ? 0 : _mpk_secret_explain(why);
}

static int choose_backend(struct runtime *runtime, enum mpk_backend asked) {
    bool available = mpk_pku_available();
    if (asked == MPK_BACKEND_PKU && !available)
        return _mpk_explain(MPK_ENOPKU, "GALEED_BACKEND is \"pku\", but this machine has no protection keys "
                            "(CPUID OSPKE and a trial pkey_alloc say so); it may be auto or mprotect");
    bool enough = available && mpk_keys_free() >= KEYS_NEEDED;
    runtime->backend = asked != MPK_BACKEND_NONE ? asked : enough ? MPK_BACKEND_PKU : MPK_BACKEND_MPROTECT;
    snprintf(runtime->reason, sizeof runtime->reason, "%s",
             asked != MPK_BACKEND_NONE ? "GALEED_BACKEND asks for it"
             : enough    ? "CPU and kernel have protection keys (OSPKE, and pkey_alloc gave one)"
             : available ? "CPU and kernel have protection keys, but the process has taken nearly all of them"
                         : "CPU or kernel has no protection keys (OSPKE or pkey_alloc says no)");
    return 0;
}

static int take_published_key(struct runtime *runtime) {
    if (runtime->backend != MPK_BACKEND_PKU) return 0;
    long key = syscall(SYS_pkey_alloc, 0, 0);
    if (key < 0) return errno == ENOSPC ? MPK_ENOKEY : MPK_EKERNEL;
    void *range = (void *)MPK_PUBLISHED_BASE;
    if (syscall(SYS_pkey_mprotect, range, MPK_PUBLISHED_BYTES, PROT_READ | PROT_WRITE, key)) return MPK_EKERNEL;
    runtime->published_key = (int)key;
    runtime->published_bits = pkru_of_key(PKRU_BOTH, (int)key);
    uint64_t foreign = pkru_of_key(PKRU_WRITE_DISABLE, (int)key);
    atomic_store(&runtime->guarded, (uint64_t)runtime->published_bits << 32 | foreign);
    return 0;
}

static int fill(const struct environment *environment) {
    struct runtime *runtime = MPK_RUNTIME;
    uint32_t prepared = 0;
    runtime->harden_bytes = environment->harden_bytes;
    int error = prepare_secret(&environment->harden, &prepared);
    if (error) return error;
    runtime->harden_bytes = environment->harden_bytes; /* the range may be new memory now */
    runtime->prepared = prepared;
    runtime->foreign_rights = environment->foreign_rights;
    atomic_store(&runtime->policy, environment->policy);
    runtime->heap_parts = environment->heap_parts;
    runtime->site_level = environment->sites;
    runtime->report_fd = environment->report_fd;
    runtime->profile_fd = environment->profile_fd;
    runtime->on_trap = environment->on_trap;
    _mpk_xsave_learn(runtime->xsave);
    error = choose_backend(runtime, environment->backend);
    if (!error) error = take_published_key(runtime);
    if (!error) error = _mpk_threads_start();
    if (error) return error;
    /* Threads that exist already have no rights on the key that was just taken:
     * the fault handler grants them. A single-threaded start leaves it to the
     * first gate, so that Rust's own handler is there before ours. */
    bool alone = _mpk_threads_note_older() <= 1;
    if (runtime->backend == MPK_BACKEND_PKU && !alone) error = _mpk_faults_install_started();
    if (error) return error;
    atomic_store(&runtime->magic, MPK_MAGIC);
    return 0;
}

static int seal_started(bool joined) {
    _mpk_started.joined = joined;
    _mpk_started.plain = MPK_RUNTIME->site_level == MPK_SITES_OFF;
    _mpk_started.published_bits = MPK_RUNTIME->published_bits;
    _mpk_started.started = 1;
    return mprotect(&_mpk_started, sizeof _mpk_started, PROT_READ) ? MPK_EKERNEL : 0;
}

static void close_files(const struct environment *environment) {
    if (environment->report_fd >= 0) close(environment->report_fd);
    if (environment->profile_fd >= 0) close(environment->profile_fd);
}

static int start_locked(void) {
    struct environment environment;
    if (_mpk_started.started) return 0;
    explained = MPK_OK;
    if (!(getauxval(AT_HWCAP2) & AT_HWCAP2_FSGSBASE))
        return _mpk_explain(MPK_EKERNEL, "this kernel or CPU does not let programs read the FS base "
                            "(FSGSBASE, Linux 5.9 or newer, without nofsgsbase), which the runtime knows threads by");
    int error = _mpk_environment_read(&environment);
    if (error) return error;
    void *wanted = (void *)MPK_PUBLISHED_BASE;
    void *range = mmap(wanted, MPK_PUBLISHED_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    int why = errno; /* the question below spoils it */
    if (range == MAP_FAILED && why == EEXIST && another_copy_started()) {
        close_files(&environment);
        return seal_started(true);
    }
    if (range == wanted) {
        error = fill(&environment);
        if (!error) return seal_started(false);
        int saved_errno = errno; /* before any thread or page depends on it */
        munmap(range, MPK_PUBLISHED_BYTES);
        errno = saved_errno;
    } else if (range != MAP_FAILED) { /* a kernel before 4.17 took the address as a hint */
        munmap(range, MPK_PUBLISHED_BYTES);
        error = MPK_EADDRESS;
    } else if (why == EEXIST) {
        error = _mpk_explain(MPK_EADDRESS, "the runtime's address range at 0x%lx is taken by another mapping "
                             "(see /proc/self/maps)", (unsigned long)MPK_PUBLISHED_BASE);
    } else {
        error = _mpk_explain(MPK_ENOMEM, "no address space for the runtime: mmap of %u MiB failed (%s); "
                             "a limit on address space (ulimit -v) must allow 66 GiB",
                             MPK_PUBLISHED_BYTES >> 20, strerror(why));
    }
    close_files(&environment);
    return error;
}

int mpk_is_joined(void) { return _mpk_started.joined; }

void _mpk_start_lock(void) { pthread_mutex_lock(&start_lock); }
void _mpk_start_unlock(void) { pthread_mutex_unlock(&start_lock); }

int mpk_start(void) {
    if (likely(_mpk_started.started)) return 0;
    int error = _mpk_fork_register();
    if (error) return error;
    _mpk_start_lock();
    error = start_locked();
    _mpk_start_unlock();
    return error;
}

enum mpk_backend mpk_backend(void) { return MPK_RUNTIME->backend; }
const char *mpk_backend_name(void) { return MPK_RUNTIME->backend == MPK_BACKEND_PKU ? "pku" : "mprotect"; }
const char *mpk_backend_reason(void) { return MPK_RUNTIME->reason; }
enum mpk_policy mpk_policy(void) { return (enum mpk_policy)atomic_load(&MPK_RUNTIME->policy); }
void mpk_set_policy(enum mpk_policy policy) {
    if ((uint32_t)policy > MPK_ON_VIOLATION_REPORT) _mpk_fatal("mpk_set_policy(%d): there is no such policy", (int)policy);
    atomic_store(&MPK_RUNTIME->policy, policy);
}
enum mpk_rights mpk_foreign_rights(void) { return MPK_RUNTIME->foreign_rights; }
void mpk_set_violation_hook(void (*hook)(struct mpk_violation *)) { MPK_RUNTIME->violation_hook = hook; }
void mpk_set_report_hook(void (*hook)(const struct mpk_violation *)) { MPK_RUNTIME->report_hook = hook; }
void mpk_set_thread_hook(void (*hook)(uint32_t)) { MPK_RUNTIME->thread_hook = hook; }
