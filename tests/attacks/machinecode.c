/* machinecode.c - see machinecode.h. */
#include <string.h>
#include <sys/mman.h>
#include "attack.h"
#include "machinecode.h"

static const unsigned char open_pku[] = {
    0x31, 0xc9,       /* xor ecx, ecx */
    0x31, 0xd2,       /* xor edx, edx */
    0x31, 0xc0,       /* xor eax, eax */
    0x0f, 0x01, 0xef, /* wrpkru */
    0xc3,             /* ret */
};
static const unsigned char open_mprotect[] = {
    0xb8, 0x0a, 0, 0, 0, /* mov eax, SYS_mprotect */
    0x0f, 0x05,          /* syscall */
    0xc3,                /* ret */
};

static void *opener;

void *machinecode_map(const void *code, size_t bytes) {
    void *page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return NULL;
    memcpy(page, code, bytes);
    return mprotect(page, PAGE_BYTES, PROT_READ | PROT_EXEC) ? NULL : page;
}

void attack_map_opener(void) {
    unsigned char code[OPENER_BYTES_MOST];
    size_t bytes = machinecode_opener(code);
    opener = machinecode_map(code, bytes);
}

int attack_open_by_own_means(void) { return machinecode_open(opener); }

size_t machinecode_opener(unsigned char *to) {
    size_t bytes = target.pku ? sizeof open_pku : sizeof open_mprotect;
    memcpy(to, target.pku ? open_pku : open_mprotect, bytes);
    return bytes;
}

int machinecode_open(const void *code) {
    long (*function)(volatile void *, size_t, long) = (long (*)(volatile void *, size_t, long))(uintptr_t)code;
    long result = function(target.secret, PAGE_BYTES, PROT_READ | PROT_WRITE);
    if (result == 0) return 0;
    errno = (int)-result;
    return -1;
}

void machinecode_call_zeroed(const void *code) {
    long a = 0, c = 0, d = 0;
    __asm__ volatile("call *%3"
                     : "+a"(a), "+c"(c), "+d"(d)
                     : "r"(code)
                     : "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
}

const unsigned char *machinecode_find(const void *code, size_t bytes, const char *pattern, size_t pattern_bytes) {
    return memmem(code, bytes, pattern, pattern_bytes);
}
