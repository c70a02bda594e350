/* edges.c - the scanner against a naive search, with nothing but closed pages around.
 *
 * Every length up to LONGEST, against both ends of a page: a read outside is a fault.
 * Contents are drawn from the bytes that matter, so that gadgets touch and overlap.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/mman.h>
#include "check.h"
#include "mpk_scan.h"

#define LONGEST 100
#define ROUNDS 400
#define MOST 256

static const uint8_t letters[] = {0x0F, 0x0F, 0x0F, 0x01, 0xEF, 0xAE, 0xAE, 0xC7, 0xF3, 0xF3, 0xF2, 0xF0,
                                  0x66, 0x48, 0x2E, 0x28, 0x6C, 0xE8, 0xD0, 0xD8, 0x18, 0x5C, 0xD9, 0x90};

static uint32_t draw(void) {
    static uint32_t state = 0x9E3779B9u;
    state ^= state << 13, state ^= state >> 17, state ^= state << 5;
    return state;
}

struct found {
    struct mpk_scan_hit hits[MOST];
    size_t count;
};

static int keep(const struct mpk_scan_hit *hit, void *context) {
    struct found *found = context;
    CHECK(found->count < MOST);
    found->hits[found->count++] = *hit;
    return 0;
}

static int is_prefix(uint8_t byte) {
    return byte == 0x26 || byte == 0x2E || byte == 0x36 || byte == 0x3E || (byte >= 0x64 && byte <= 0x67) ||
           (byte & 0xF0) == 0x40;
}

/* One offset after the other, forward: what would an instruction from here be? */
static void naive(const uint8_t *code, size_t bytes, struct found *found) {
    found->count = 0;
    for (size_t at = 0; at < bytes; at++) {
        struct mpk_scan_hit hit = {.offset = at, .bytes = 3};
        const uint8_t *here = code + at;
        size_t left = bytes - at, skip = 1;
        if (left >= 3 && here[0] == 0x0F && here[1] == 0x01 && here[2] == 0xEF) hit.gadget = MPK_GADGET_WRPKRU;
        if (left >= 3 && here[0] == 0x0F && here[1] == 0xAE && here[2] < 0xC0 && (here[2] & 0x38) == 0x28)
            hit.gadget = MPK_GADGET_XRSTOR;
        if (left >= 3 && here[0] == 0x0F && here[1] == 0xC7 && here[2] < 0xC0 && (here[2] & 0x38) == 0x18)
            hit.gadget = MPK_GADGET_XRSTORS;
        if (here[0] == 0xF3) {
            while (skip < left && is_prefix(here[skip])) skip++;
            hit.bytes = (uint32_t)skip + 3;
            if (hit.bytes <= left && hit.bytes <= 15 && here[skip] == 0x0F && here[skip + 1] == 0xAE) {
                if ((here[skip + 2] & 0xF8) == 0xD0) hit.gadget = MPK_GADGET_WRFSBASE;
                if ((here[skip + 2] & 0xF8) == 0xD8) hit.gadget = MPK_GADGET_WRGSBASE;
            }
        }
        if (hit.gadget) keep(&hit, found);
    }
}

static void compare(const struct found *wanted, const struct mpk_scan_hit *hits, size_t count) {
    CHECK(wanted->count == count);
    for (size_t i = 0; i < count; i++) {
        CHECK(wanted->hits[i].offset == hits[i].offset);
        CHECK(wanted->hits[i].gadget == hits[i].gadget);
        CHECK(wanted->hits[i].bytes == hits[i].bytes);
    }
}

static int stop_at_second(const struct mpk_scan_hit *hit, void *context) {
    (void)hit;
    return ++*(int *)context == 2 ? 7 : 0;
}

int main(void) {
    uint8_t *area = mmap(NULL, 3 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(area != MAP_FAILED);
    uint8_t *page = area + 4096;
    CHECK(!mprotect(page, 4096, PROT_READ | PROT_WRITE));
    size_t seen = 0;
    for (size_t bytes = 0; bytes <= LONGEST; bytes++) {
        for (int round = 0; round < ROUNDS; round++) {
            uint8_t *code = round % 2 ? page : page + 4096 - bytes;
            for (size_t i = 0; i < bytes; i++) code[i] = letters[draw() % sizeof letters];
            struct found wanted, found = {.count = 0}, listed = {.count = 0};
            naive(code, bytes, &wanted);
            CHECK(mpk_scan(code, bytes, keep, &found) == 0);
            compare(&wanted, found.hits, found.count);
            size_t from = 0, room = 1 + (size_t)round % 3;
            while (from < bytes) {
                size_t count = mpk_scan_list(code, bytes, &from, listed.hits + listed.count, room);
                CHECK(from <= bytes && count <= room);
                listed.count += count;
            }
            compare(&wanted, listed.hits, listed.count);
            seen += wanted.count;
            int calls = 0;
            CHECK(mpk_scan(code, bytes, stop_at_second, &calls) == (wanted.count >= 2 ? 7 : 0));
        }
    }
    printf("%zu hits\n", seen);
    CHECK(seen > ROUNDS * LONGEST / 10); /* the test would prove nothing without hits */
    return 0;
}
