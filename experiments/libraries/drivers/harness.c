/* harness.c - see harness.h. */
#include "harness.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { MOST_CASES = 16, WORDS = 4096, LONGEST_WORD = 12 };

static struct {
    const char *name;
    double user_s;
    uint64_t check;
} cases[MOST_CASES];
static size_t case_count;
static double began_s;

void fail(const char *what) {
    fprintf(stderr, "driver: not so: %s\n", what);
    exit(1);
}

static double user_now_s(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6;
}

void case_begin(void) { began_s = user_now_s(); }

void case_end(const char *name) {
    const double spent_s = user_now_s() - began_s;
    NEED(case_count < MOST_CASES);
    cases[case_count].name = name;
    cases[case_count++].user_s = spent_s;
}

void case_check(uint64_t check) { cases[case_count - 1].check = check; }

void report(void) {
    printf("{\"cases\":[");
    for (size_t i = 0; i < case_count; i++) {
        printf("%s{\"case\":\"%s\",\"user_s\":%.6f,\"check\":\"%016llx\"}", i ? "," : "", cases[i].name,
               cases[i].user_s, (unsigned long long)cases[i].check);
    }
    printf("]}\n");
}

/* xorshift64* */
uint64_t next_random(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

uint64_t check_bytes(uint64_t check, const void *bytes, size_t count) {
    const unsigned char *at = bytes;
    for (size_t i = 0; i < count; i++) {
        check = (check ^ at[i]) * UINT64_C(0x100000001b3);
    }
    return check;
}

static void make_words(char words[WORDS][LONGEST_WORD + 1], uint64_t *state) {
    static const char *const syllables[] = {"ta", "re", "in", "o", "ling", "ver", "ma", "st",
                                            "e",  "con", "di", "ous", "ra", "pre", "ti", "un"};
    for (size_t i = 0; i < WORDS; i++) {
        const unsigned parts = 1 + (unsigned)(next_random(state) >> 62);
        words[i][0] = 0;
        for (unsigned part = 0; part < parts; part++) {
            const char *next = syllables[next_random(state) >> 60];
            if (strlen(words[i]) + strlen(next) <= LONGEST_WORD) {
                strcat(words[i], next);
            }
        }
    }
}

void fill_text(char *to, size_t bytes, uint64_t seed) {
    static char words[WORDS][LONGEST_WORD + 1];
    char line[256];
    uint64_t state = seed | 1, time = 1700000000;
    make_words(words, &state);
    for (size_t done = 0; done < bytes;) {
        const uint64_t kind = next_random(&state) >> 62;
        size_t length = 0;
        time += next_random(&state) >> 60;
        if (kind == 0) {
            const unsigned long number = (unsigned long)(next_random(&state) >> 44);
            length = (size_t)snprintf(line, sizeof line, "%llu info request=%lu ", (unsigned long long)time, number);
        }
        while (length < 72) {
            /* A product of two even draws is near enough to Zipf's law. */
            const uint64_t a = next_random(&state) >> 52, b = next_random(&state) >> 52;
            length += (size_t)snprintf(line + length, sizeof line - length, "%s ", words[a * b / WORDS]);
        }
        line[length - 1] = '\n';
        if (length > bytes - done) {
            length = bytes - done;
        }
        memcpy(to + done, line, length);
        done += length;
    }
}

void fill_picture(uint8_t *to, unsigned width, unsigned height) {
    uint64_t state = 7;
    for (unsigned y = 0; y < height; y++) {
        for (unsigned x = 0; x < width; x++, to += 4) {
            const int inside = (x - width / 2) * (x - width / 2) + (y - height / 2) * (y - height / 2) < width * height / 16;
            const unsigned noise = (unsigned)(next_random(&state) >> 61);
            to[0] = (uint8_t)(inside ? 200 : x * 255 / width + noise);
            to[1] = (uint8_t)(inside ? 40 : y * 255 / height);
            to[2] = (uint8_t)(inside ? 40 : (x ^ y) + noise);
            to[3] = (uint8_t)(x / 64 % 2 && y / 64 % 2 ? 128 : 255);
        }
    }
}
