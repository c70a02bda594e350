/* harness.h - what the drivers share: memory, input, clock, report.
 *
 * A driver is the host program of one library: main() runs each case once between
 * case_begin and case_end, and says all results as one JSON line. Buffers that the
 * library is given come from host_buffer, which is what the builds differ in: lent
 * mapped (harness_lent.c) or the C library's own (harness_raw.c).
 *
 * Invariant: the input is made by arithmetic alone, the same on every machine, so that
 * checksums of what came out can be compared between builds.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <stddef.h>
#include <stdint.h>

/* A buffer of at least that many bytes, never of less than a page. Ends the program when there is none. */
void *host_buffer(size_t bytes);
void host_buffer_free(void *buffer);

/* Lines as logs and prose have them: words of a Zipf-like distribution, numbers, times. */
void fill_text(char *to, size_t bytes, uint64_t seed);
/* RGBA pixels: gradients, flat shapes and some noise. */
void fill_picture(uint8_t *to, unsigned width, unsigned height);
uint64_t next_random(uint64_t *state);

/* FNV-1a; begin with CHECK_BEGIN. */
#define CHECK_BEGIN UINT64_C(0xcbf29ce484222325)
uint64_t check_bytes(uint64_t check, const void *bytes, size_t count);

/* user CPU time is taken between the two. */
void case_begin(void);
void case_end(const char *name);
/* Of all that the library gave in the case that ended last. */
void case_check(uint64_t check);
/* One JSON line on standard output; then main returns 0. */
void report(void);

_Noreturn void fail(const char *what);
#define NEED(condition)                                                                                    \
    do {                                                                                                   \
        if (!(condition)) {                                                                                \
            fail(#condition);                                                                              \
        }                                                                                                  \
    } while (0)

#endif
