/* code_detour.c - writes the tested copies of XRSTOR, and recognises them.
 *
 * Invariant: in a detour, no instruction stands between XRSTOR and the test of what it
 * may have loaded; what fails the test ends in UD2.
 *
 * Source: [SDM 2, XRSTOR] EDX:EAX names the components, bit 9 PKRU; [ERIM].
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include "code_detour.h"
#include "code_length.h"
#include "mpk.h"

#define DETOUR_BYTES 32
#define STEP ((uintptr_t)1 << 20) /* how far apart the places are that are tried */
#define REACH (((uintptr_t)1 << 31) - ((uintptr_t)64 << 20)) /* of a jump, with a good margin */
#define OPCODE_JUMP 0xE9
#define INT3 0xCC

/* TEST EAX, 1 << 9; JNZ over the jump that follows. Behind that jump: UD2. */
static const uint8_t test[] = {0xA9, 0x00, 0x02, 0x00, 0x00, 0x75, CODE_JUMP_BYTES};
static const uint8_t stop[] = {0x0F, 0x0B};

bool _mpk_code_is_tested(const uint8_t *code, size_t left) {
    unsigned length = _mpk_code_length(code, left);
    size_t jump = length + sizeof test, end = jump + CODE_JUMP_BYTES;
    return length && left >= end + sizeof stop && !memcmp(code + length, test, sizeof test) &&
           code[jump] == OPCODE_JUMP && !memcmp(code + end, stop, sizeof stop);
}

static void write_jump(uint8_t *at, uintptr_t runs_at, uintptr_t target) {
    int32_t distance = (int32_t)(intptr_t)(target - (runs_at + CODE_JUMP_BYTES)); /* REACH says that it fits */
    at[0] = OPCODE_JUMP;
    memcpy(at + 1, &distance, sizeof distance);
}

static bool take_page(struct code_detours *detours, uintptr_t address) {
    uintptr_t base = address & ~(uintptr_t)(MPK_PAGE_BYTES - 1);
    /* Below and above in turn: a domain's reserved range may fill one side. */
    for (uintptr_t step = 2; step / 2 * STEP < REACH; step++) {
        uintptr_t away = step / 2 * STEP;
        if (step % 2 == 0 && away >= base) continue;
        void *wanted = (void *)(step % 2 ? base + away : base - away);
        void *page = mmap(wanted, MPK_PAGE_BYTES, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        if (page != wanted) continue;
        detours->page = page;
        memset(page, INT3, MPK_PAGE_BYTES);
        return true;
    }
    errno = ENOMEM;
    return false;
}

static bool is_relative(const uint8_t *xrstor) {
    return (xrstor[2] & 0xC7) == 0x05; /* ModRM: mod 0, rm 5 is an address relative to RIP */
}

bool _mpk_code_detour(struct code_detours *detours, uint8_t *patch, uintptr_t address, unsigned length) {
    if (is_relative(patch)) {
        errno = ENOTSUP;
        return false;
    }
    if (!detours->page && !take_page(detours, address)) return false;
    if (detours->used + DETOUR_BYTES > MPK_PAGE_BYTES) {
        errno = ENOMEM;
        return false;
    }
    uint8_t *detour = detours->page + detours->used, *at = detour;
    detours->used += DETOUR_BYTES;
    memcpy(at, patch, length), at += length;
    memcpy(at, test, sizeof test), at += sizeof test;
    write_jump(at, (uintptr_t)at, address + length), at += CODE_JUMP_BYTES;
    memcpy(at, stop, sizeof stop);
    memset(patch, INT3, length);
    write_jump(patch, address, (uintptr_t)detour);
    return true;
}

bool _mpk_code_detours_close(struct code_detours *detours) {
    return !detours->page || !mprotect(detours->page, MPK_PAGE_BYTES, PROT_READ | PROT_EXEC);
}

void _mpk_code_detours_free(struct code_detours *detours) {
    if (detours->page) munmap(detours->page, MPK_PAGE_BYTES);
    detours->page = NULL;
}
