/* without_keys.c - what stands in for protection keys in a measurement build.
 *
 * In such a build (without_keys.py) the runtime takes this machine for one with keys:
 * its sources are compiled as they are, then WRPKRU and RDPKRU are replaced in the
 * assembler, CPUID is made to say OSPKE, and pkey system calls come here: keys are counted,
 * pkey_mprotect becomes the real one with key -1, which is mprotect's work. Signal
 * frames without PKRU get a word a thread.
 *
 * Nothing is isolated in such a program. It measures, and is in no other build.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KEYS 16

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
bool __wrap__mpk_frame_pkru(void *context, uint32_t *value);
void __wrap__mpk_frame_set_pkru(void *context, uint32_t value);

static uint32_t taken = 1; /* bit k: key k */
static __thread uint32_t pkru;

static long take_key(void) {
    for (int key = 1; key < KEYS; key++) {
        if (taken & 1u << key) continue;
        taken |= 1u << key;
        return key;
    }
    errno = ENOSPC;
    return -1;
}

long __wrap_syscall(long number, ...) {
    long words[6];
    va_list list;
    va_start(list, number);
    for (int i = 0; i < 6; i++) words[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_pkey_alloc) return take_key();
    if (number == SYS_pkey_free) {
        taken &= ~(1u << words[0]);
        return 0;
    }
    if (number == SYS_pkey_mprotect) words[3] = -1;
    return __real_syscall(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}

bool __wrap__mpk_frame_pkru(void *context, uint32_t *value) {
    (void)context;
    *value = pkru;
    return true;
}

void __wrap__mpk_frame_set_pkru(void *context, uint32_t value) {
    (void)context;
    pkru = value;
}
