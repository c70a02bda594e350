/* call.c - mpk_host_stack, mpk_call and mpk_call_back: all but the instructions
 * that change stacks and rights, which are call_switch.c.
 *
 * Invariants: a frame of kind FRAME_CALL has the host's stack pointer as its token;
 * registers and return addresses of the host lie there, inside the domain. A frame
 * of kind FRAME_CALL_BACK has the foreign one. Tokens are in the published range:
 * foreign code can read them and not write them.
 *
 * Attacker: runs on the foreign stack, with siblings on other threads that write to
 * it at any time, and may call or jump to all of this.
 *
 * Source: [Hodor], [ERIM], [Donky]; [SDM 1 13.1] for the register states.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "call.h"
#include "prim.h"
#include "record.h"
#include "stacks.h"

#define CPUID_OSXSAVE (1u << 27)         /* leaf 1, ECX */
#define XCR0_AVX 0x4u
#define XCR0_AVX512 0xe0u
#define XCR0_AMX 0x60000u
#define XCR0_TILE_DATA 0x40000u
#define XCR0_KNOWN (0x21bu | XCR0_AVX | XCR0_AVX512 | XCR0_AMX) /* x87, SSE, PKRU, these, and MPX, which nobody compiles for */
#define ARCH_GET_XCOMP_PERM 0x1022       /* asm/prctl.h of Linux 5.16 */
#define KERNEL_MAJOR 6                   /* from 6.12 on signal frames are written with PKRU 0 */
#define KERNEL_MINOR 12

static uint64_t xcr0(void) {
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & CPUID_OSXSAVE)) return 3;
    __asm__ volatile("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
    return (uint64_t)edx << 32 | eax;
}

/* Tiles can hold something only after the program asked the kernel for them. */
static bool may_use_tiles(void) {
    uint64_t permitted = 0;
    return syscall(SYS_arch_prctl, ARCH_GET_XCOMP_PERM, &permitted) == 0 && (permitted & XCR0_TILE_DATA);
}

static int find_scrub(void) {
    uint64_t states = xcr0();
    if (states & ~(uint64_t)XCR0_KNOWN)
        return _mpk_explain(MPK_EKERNEL, "this CPU has registers that mpk_call cannot scrub (XCR0 %lx)",
                            (unsigned long)states);
    enum call_scrub scrub = (states & XCR0_AMX) && may_use_tiles()     ? SCRUB_AMX
                          : (states & XCR0_AVX512) == XCR0_AVX512      ? SCRUB_AVX512
                          : states & XCR0_AVX                          ? SCRUB_AVX
                                                                       : SCRUB_SSE;
    if (atomic_load(&MPK_RUNTIME->scrub) < scrub) atomic_store(&MPK_RUNTIME->scrub, scrub);
    return 0;
}

static int check_kernel(void) {
    struct utsname name;
    if (MPK_RUNTIME->backend != MPK_BACKEND_PKU || atomic_load(&MPK_RUNTIME->scrub)) return 0;
    if (uname(&name)) return MPK_EKERNEL;
    char *minor;
    long major = strtol(name.release, &minor, 10);
    if (major > KERNEL_MAJOR || (major == KERNEL_MAJOR && *minor == '.' && atol(minor + 1) >= KERNEL_MINOR)) return 0;
    return _mpk_explain(MPK_EKERNEL, "host stacks under a key need Linux %d.%d or newer, whose signal frames are "
                        "written whatever PKRU says; this is %s", KERNEL_MAJOR, KERNEL_MINOR, name.release);
}

int mpk_host_stack(size_t bytes, void (*body)(void *), void *argument) {
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    int error;
    if (!body || bytes > MPK_HOST_STACK_MOST) return MPK_EINVALID;
    if (!bytes) bytes = MPK_HOST_STACK_DEFAULT;
    if (bytes < MPK_HOST_STACK_LEAST) bytes = MPK_HOST_STACK_LEAST;
    if (!mpk_host(&error)) return error;
    if (mpk_gate_is_foreign()) _mpk_fatal("foreign code called mpk_host_stack");
    error = check_kernel();
    if (!error) error = find_scrub();
    if (error) return error;
    struct thread_record *record = _mpk_thread_for_gate();
    _mpk_stacks_settle(record, here);
    error = _mpk_stacks_prepare(record);
    uintptr_t outer = record->host_high;
    uintptr_t pointer; /* below this function's own locals, which here is not */
    __asm__ volatile("movq %%rsp, %0" : "=r"(pointer));
    if (!error) error = _mpk_stacks_enter(record, bytes, pointer);
    if (error) return error;
    _mpk_stack_switch(record->host_high, body, argument);
    _mpk_stacks_leave(record, outer);
    return 0;
}

struct arguments { const struct mpk_call *call; struct mpk_call_result *result; };

static void call_again(void *arguments) {
    struct arguments *both = arguments;
    mpk_call(both->call, both->result);
}

static __attribute__((noinline, cold)) void call_from_elsewhere(struct arguments both) {
    int error = mpk_host_stack(0, call_again, &both);
    if (error) _mpk_fatal("mpk_call cannot have a host stack: %s", mpk_strerror(error));
}

static __attribute__((noinline)) void call_slow(const struct mpk_call *call, struct mpk_call_result *result,
                                                uintptr_t here) {
    struct thread_record *record = likely(_mpk_started.started) ? _mpk_record_of(_mpk_fs_base()) : NULL;
    if (unlikely(!record || here - record->host_low >= record->host_high - record->host_low)) {
        call_from_elsewhere((struct arguments){call, result});
        return;
    }
    if (!_mpk_guess_is_in_a_record(_mpk_guess()) || _mpk_record_around(_mpk_guess()) != record)
        _mpk_record_guess = (uintptr_t)record;
    _mpk_call_drop_dead(record, here);
    if (unlikely(record->depth == MPK_GATE_DEPTH)) _mpk_fatal("%s (%d)", mpk_strerror(MPK_ENESTED), MPK_GATE_DEPTH);
    uintptr_t top = _mpk_stacks_foreign_top(record);
    if (likely(MPK_RUNTIME->backend == MPK_BACKEND_PKU)) {
        _mpk_call_pku(call, result, record, top);
    } else {
        bool taken = _mpk_runner_take(record->fs_base);
        _mpk_call_mprotect(call, result, record, top);
        if (taken) _mpk_runner_release();
    }
}

/* pku, on the host stack, in no other call: no frame can be dead, and the foreign stack's top
 * is known. The register says whose record was guessed. */
void mpk_call(const struct mpk_call *call, struct mpk_call_result *result) {
    uintptr_t here = (uintptr_t)__builtin_frame_address(0), guess = _mpk_guess();
    if (unlikely(!_mpk_started.started || !_mpk_guess_is_in_a_record(guess))) return call_slow(call, result, here);
    struct thread_record *record = _mpk_record_around(guess);
    if (unlikely(atomic_load_explicit(&record->fs_base, memory_order_relaxed) != _mpk_fs_base() || record->depth ||
                 here - record->host_low >= record->host_high - record->host_low || !record->foreign_top ||
                 MPK_RUNTIME->backend != MPK_BACKEND_PKU))
        return call_slow(call, result, here);
    _mpk_call_pku(call, result, record, record->foreign_top);
}

void _mpk_call_close(struct thread_record *record) { _mpk_prim_mprotect.close_all(record); }

struct call_opened _mpk_call_open(void) {
    struct thread_record *record = _mpk_record_of(_mpk_fs_base());
    if (!record || record->depth - 1 >= MPK_GATE_DEPTH || record->frames[record->depth - 1].kind != FRAME_CALL)
        _mpk_fatal("foreign code returned through an mpk_call that it is not in");
    if (_mpk_prim_mprotect.is_closed()) _mpk_prim_mprotect.open_all(record, 1);
    return (struct call_opened){record, &record->frames[record->depth - 1]};
}
