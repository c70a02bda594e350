/* naive.c - see naive.h. The values that the gate writes lie in thread-local storage,
 * as they do in textbook gates. Its WRPKRU lies in memory that only undefended runs
 * map: hardening refuses programs with one that it does not know. */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "attack.h"
#include "machinecode.h"
#include "naive.h"
#include "pkru.h"

static _Thread_local uint32_t closed, opened; /* PKRU; mprotect: prot */
static _Thread_local int ready;
static size_t used;
static const unsigned char write_pkru[] = {
    0x89, 0xf8, 0x31, 0xc9, 0x31, 0xd2, /* mov eax, edi; xor ecx, ecx; xor edx, edx */
    0x0f, 0x01, 0xef, 0xc3,             /* wrpkru; ret */
};
static void *gate_code;

static void values(void) {
    if (ready) return;
    ready = 1;
    if (target.pku) {
        opened = pkru_read() & ~pkru_of_key(PKRU_BOTH, target.key);
        closed = opened | pkru_of_key(PKRU_BOTH, target.key);
    } else {
        opened = PROT_READ | PROT_WRITE;
        closed = PROT_NONE;
    }
}

static void change(uint32_t value) {
    if (target.pku) ((void (*)(uint32_t))(uintptr_t)gate_code)(value);
    else (void)mprotect((void *)target.base, target.bytes, (int)value);
}

int naive_domain(int pku) {
    void *range = mmap(NULL, NAIVE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (range == MAP_FAILED) return -1;
    target.base = (uintptr_t)range;
    target.bytes = NAIVE_BYTES;
    target.pku = pku;
    target.undefended = 1;
    if (pku) {
        target.key = (int)syscall(SYS_pkey_alloc, 0, 0);
        if (target.key < 0) return -1;
        gate_code = machinecode_map(write_pkru, sizeof write_pkru);
        if (!gate_code) return -1;
    }
    values();
    target.secret = naive_new_page();
    return 0;
}

void *naive_new_page(void) {
    void *page = (void *)(target.base + used);
    used += PAGE_BYTES;
    if (target.pku) (void)syscall(SYS_pkey_mprotect, page, PAGE_BYTES, PROT_READ | PROT_WRITE, target.key);
    return page;
}

const void *naive_wrpkru(void) { return gate_code; }

uint32_t *naive_closed(void) { return &closed; }

void naive_enter(void) {
    values();
    change(closed);
}

void naive_exit(void) { change(opened); }
