#include <stdint.h>
#include <stdio.h>
#include <string.h>
static size_t length(const char *text) { return text ? strlen(text) : 0; }
size_t decode(const char *text, uint8_t *out) {
    size_t n = length(text);
    for (size_t i = 0; i < n && i < 8; i++) out[i] = (uint8_t)(text[i] - 'a');
    return n;
}
uint64_t sum(const uint64_t *values) { return values[0] + values[1]; }
