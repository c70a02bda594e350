/* planted_overflow.c - the quiet bug: a loop that goes one byte too far.
 *
 * An ordinary off-by-one on memory that the caller lent on purpose. The byte
 * past the end belongs to the allocator, so nothing crashes and nobody notices.
 * Assumes nothing of its caller; the bug is the `<=`. Source: [CWE-193].
 */
#include <stddef.h>

void planted_fill(unsigned char *record, size_t bytes, unsigned char value) {
    for (size_t i = 0; i <= bytes; i++)
        record[i] = value;
}
