/* text.h - building lines without the C library's formatter or allocator.
 *
 * For code that runs in a signal handler, or when nothing can be trusted any
 * more. Text that does not fit is cut; a line is never overrun.
 */
#ifndef GALEED_MPK_TEXT_H
#define GALEED_MPK_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct text {
    char *at, *end;
    char *begin;
};

struct text _mpk_text(char *buffer, size_t bytes);
void _mpk_text_add(struct text *text, const char *string);
void _mpk_text_decimal(struct text *text, uint64_t number);
void _mpk_text_signed(struct text *text, int64_t number);
void _mpk_text_hex(struct text *text, uint64_t number); /* with 0x */
/* As a JSON string, quotes included; NULL is null. */
void _mpk_text_json(struct text *text, const char *string);
/* All of it, whatever write() makes of it. */
void _mpk_text_write(const struct text *text, int fd);

#endif
