/* foreign.c - what C does with what Rust shares: half of it honest, half what a bug does. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int64_t c_sum(const int32_t *at, size_t count) {
    int64_t sum = 0;
    while (count--) sum += *at++;
    return sum;
}

void c_fill(int32_t *at, size_t count, int32_t value) {
    while (count--) *at++ = value;
}

size_t c_length(const char *text) {
    size_t length = 0;
    while (text[length]) length++;
    return length;
}

size_t c_spaces(const unsigned char *text, size_t bytes) {
    size_t spaces = 0;
    while (bytes--) spaces += *text++ == ' ';
    return spaces;
}

/* 0 and a result, or 1 and none. */
int c_measure(int64_t *out, int64_t of) {
    if (of < 0) return 1;
    *out = of * 2;
    return 0;
}

int64_t c_peek(const int64_t *at) {
    return *at;
}

/* ---- Callbacks. */

typedef int32_t (*visitor)(void *user, int32_t value);

int32_t c_each(const int32_t *at, size_t count, visitor visit, void *user) {
    int32_t sum = 0;
    while (count--) sum += visit(user, *at++);
    return sum;
}

static visitor kept;
static void *kept_user;

void c_keep(visitor visit, void *user) {
    kept = visit;
    kept_user = user;
}

int32_t c_call_kept(int32_t value) {
    return kept(kept_user, value);
}

/* The function of one callback, the user data of another. */
int32_t c_mix(visitor visit, void *user) {
    return visit(user, 1);
}

int32_t c_make_up(visitor visit) {
    return visit((void *)(uintptr_t)0x4100000000001000, 1);
}

void c_poke(void *user) {
    *(volatile char *)user = 1;
}

/* ---- Ownership. */

static int64_t *owned;

void c_own(int64_t *object) {
    owned = object;
}

void c_add(int64_t value) {
    *owned += value;
}

int64_t *c_give_back(void) {
    return owned;
}

void c_free_owned(void) {
    free(owned);
}

void c_grow_owned(void) {
    owned = realloc(owned, 64);
}

void c_destroy_owned(void (*destroy)(int64_t *)) {
    destroy(owned);
}

int64_t *c_allocate(int64_t value) {
    int64_t *object = malloc(sizeof *object);
    *object = value;
    return object;
}

void c_release(int64_t *object) {
    free(object);
}

/* In place; a string of Rust's, one of C's own. */
char *c_upper(char *text) {
    for (char *at = text; *at; at++)
        if (*at >= 'a' && *at <= 'z') *at -= 32;
    return text;
}

char *c_cut(char *text, size_t at) {
    text[at] = 0;
    return text;
}

char *c_text(void) {
    return strdup("of C");
}
