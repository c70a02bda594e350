/* text.c - see text.h. Async-signal-safe: no allocation, no locks, no locale. */
#include <errno.h>
#include <unistd.h>
#include "text.h"

struct text _mpk_text(char *buffer, size_t bytes) {
    return (struct text){buffer, buffer + bytes, buffer};
}

static void add_char(struct text *text, char c) {
    if (text->at < text->end) *text->at++ = c;
}

void _mpk_text_add(struct text *text, const char *string) {
    while (*string) add_char(text, *string++);
}

static void add_number(struct text *text, uint64_t number, unsigned base) {
    char digits[20];
    int count = 0;
    do digits[count++] = "0123456789abcdef"[number % base];
    while (number /= base);
    while (count) add_char(text, digits[--count]);
}

void _mpk_text_decimal(struct text *text, uint64_t number) { add_number(text, number, 10); }

void _mpk_text_signed(struct text *text, int64_t number) {
    if (number < 0) add_char(text, '-');
    add_number(text, number < 0 ? 0 - (uint64_t)number : (uint64_t)number, 10);
}

void _mpk_text_hex(struct text *text, uint64_t number) {
    _mpk_text_add(text, "0x");
    add_number(text, number, 16);
}

void _mpk_text_json(struct text *text, const char *string) {
    if (!string) {
        _mpk_text_add(text, "null");
        return;
    }
    add_char(text, '"');
    for (; *string; string++) {
        unsigned char c = (unsigned char)*string;
        if (c == '"' || c == '\\') {
            add_char(text, '\\');
            add_char(text, (char)c);
        } else if (c < 0x20 || c >= 0x7f) { /* bytes of unknown encoding: as Latin-1 */
            _mpk_text_add(text, "\\u00");
            add_char(text, "0123456789abcdef"[c >> 4]);
            add_char(text, "0123456789abcdef"[c & 15]);
        } else {
            add_char(text, (char)c);
        }
    }
    add_char(text, '"');
}

void _mpk_text_write(const struct text *text, int fd) {
    const char *at = text->begin;
    while (at < text->at) {
        ssize_t done = write(fd, at, (size_t)(text->at - at));
        if (done < 0 && errno != EINTR) return;
        if (done > 0) at += done;
    }
}
