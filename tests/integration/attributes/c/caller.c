/* caller.c - C that calls Rust by name and by pointer. */
#include <stddef.h>
#include <stdint.h>

int64_t rust_add(int64_t *at, int64_t value);
const char *rust_name(void);
void rust_panics(const char *why);

static int64_t own = 100;

/* On Rust's memory, and on its own. */
int64_t c_adds(int64_t *at) {
    int64_t sum = rust_add(at, 5) + rust_add(&own, 1);
    return sum * 1000 + *at;
}

int64_t c_adds_by(int64_t (*add)(int64_t *, int64_t), int64_t *at) {
    return add(at, 7);
}

size_t c_name_length(void) {
    const char *name = rust_name();
    size_t length = 0;
    while (name[length]) length++;
    return length;
}

void c_makes_it_panic(void) {
    rust_panics("asked by C");
}

/* A pointer that left what was lent. */
int64_t c_adds_beyond(int64_t *at) {
    return rust_add(at + 3, 5);
}
