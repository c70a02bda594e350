#include <stdint.h>
#include <stdlib.h>
#include <string.h>
typedef struct { uint8_t *bytes; size_t size, room; void *(*grow)(void *opaque, void *old, size_t size); void *opaque; } Buffer;
typedef struct { Buffer code; const uint8_t *at; } Compiler;
static void *default_grow(void *opaque, void *old, size_t size) { (void)opaque; return realloc(old, size); }
void buffer_init(Buffer *b, void *opaque, void *(*grow)(void *, void *, size_t)) {
    memset(b, 0, sizeof *b);
    b->grow = grow ? grow : default_grow;
    b->opaque = opaque;
}
int buffer_put(Buffer *b, uint8_t byte) {
    if (b->size == b->room) {
        uint8_t *more = b->grow(b->opaque, b->bytes, b->room * 2 + 16);
        if (!more) return -1;
        b->bytes = more;
        b->room = b->room * 2 + 16;
    }
    b->bytes[b->size++] = byte;
    return 0;
}
uint8_t *compile(const uint8_t *text, size_t n, size_t *made) {
    Compiler c = {.at = text};
    buffer_init(&c.code, NULL, NULL);
    for (size_t i = 0; i < n; i++) if (buffer_put(&c.code, c.at[i])) return NULL;
    *made = c.code.size;
    return c.code.bytes;
}
