/* silicon.c - which prefixes before 0F AE /3 make a WRGSBASE? The CPU is asked.
 *
 * Every string of up to three prefixes before the opcode is executed, and its GS base
 * (which nothing here uses) looked at. The scanner must call exactly those a gadget.
 * Then the longest instruction, and one byte more.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include "check.h"
#include "mpk_scan.h"

#define NEW_BASE 0x1234567L
static const uint8_t prefixes[] = {0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0,
                                   0xF2, 0xF3, 0x40, 0x41, 0x44, 0x48, 0x4F, 0x90};
static const uint8_t opcode[] = {0x0F, 0xAE, 0xD8, 0xC3}; /* /3, register 0 (8 with REX.B); ret */
static sigjmp_buf after;
static uint8_t *page;

static void refused(int signal) { siglongjmp(after, signal); }

static uint64_t gs_base(void) {
    uint64_t base;
    __asm__ volatile("rdgsbase %0" : "=r"(base));
    return base;
}

static int changes_base(size_t prefix_bytes) {
    memcpy(page + prefix_bytes, opcode, sizeof opcode);
    __asm__ volatile("wrgsbase %0" : : "r"(0L));
    if (!sigsetjmp(after, 1)) {
        register long eighth __asm__("r8") = NEW_BASE;
        __asm__ volatile("call *%2" : "+r"(eighth) : "a"(NEW_BASE), "r"(page) : "memory", "cc");
    }
    return gs_base() == NEW_BASE;
}

static int whole(const struct mpk_scan_hit *hit, void *context) {
    return hit->gadget == MPK_GADGET_WRGSBASE && hit->offset + hit->bytes == *(size_t *)context + 3;
}

/* A jump may also go behind the first prefix: a hit anywhere in the string counts, and so
 * does the CPU's word on any start. */
static int any_start_changes(const uint8_t *string, size_t count) {
    for (size_t skip = 0; skip <= count; skip++) {
        memcpy(page, string + skip, count - skip);
        if (changes_base(count - skip)) return 1;
    }
    return 0;
}

static void ask(const uint8_t *string, size_t count, size_t *gadgets) {
    uint8_t code[32];
    int wanted = any_start_changes(string, count);
    memcpy(code, string, count);
    memcpy(code + count, opcode, 3);
    int found = mpk_scan(code, count + 3, whole, &count);
    if (found != wanted) {
        for (size_t i = 0; i < count; i++) fprintf(stderr, "%02X ", string[i]);
        fprintf(stderr, "0F AE D8: the CPU says %d, the scanner %d\n", wanted, found);
    }
    CHECK(found == wanted);
    *gadgets += (size_t)wanted;
}

int main(void) {
    if (!(getauxval(AT_HWCAP2) & 2)) return 77; /* no FSGSBASE: nothing to ask */
    struct sigaction action = {.sa_handler = refused};
    sigaction(SIGILL, &action, NULL);
    sigaction(SIGSEGV, &action, NULL);
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    size_t n = sizeof prefixes, gadgets = 0;
    for (size_t string = 0; string < n * n * n; string++) {
        uint8_t bytes[3] = {prefixes[string % n], prefixes[string / n % n], prefixes[string / n / n]};
        for (size_t count = 0; count <= 3; count++) ask(bytes, count, &gadgets);
    }
    uint8_t longest[13] = {0xF3};
    memset(longest + 1, 0x2E, sizeof longest - 1);
    ask(longest, 12, &gadgets); /* fifteen bytes */
    ask(longest, 13, &gadgets); /* sixteen */
    printf("%zu strings are gadgets\n", gadgets);
    CHECK(gadgets > 100);
    return 0;
}
