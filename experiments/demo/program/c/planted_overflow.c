/* planted_overflow.c - the quiet bug: one byte too far.
 *
 * Fills a record and ends it with a terminator that nobody made room for: the
 * ordinary off-by-one, on memory that the caller lent on purpose. The byte past
 * the end belongs to the allocator, so nothing crashes and nobody notices.
 * Assumes nothing of its caller. Source: [CWE-193].
 */
#include <stddef.h>

void planted_fill(unsigned char *record, size_t bytes, unsigned char value) {
    for (size_t i = 0; i < bytes; i++)
        record[i] = value;
    record[bytes] = 0;
}
