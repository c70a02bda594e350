/* lent.c - what a module that went through pass `lend-everything` calls.
 *
 * Compiled by galeed-cc, linked with the module and its host (src/lib.rs). Blocks come
 * from the host through callback gates, which lend them; a few are kept for reuse,
 * since programs ask for the same stack buffers again and again.
 *
 * Invariant: all that the module calls its own lies behind pseudo-pointers before its
 * `main` runs, with the pointers among the globals moved along.
 * Assumes of the attacker: nothing; this is a test's instrument.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "galeed.h"

/* One global, as the pass describes it in section `galeed_lent`. */
struct lent_global {
    char *original;
    size_t bytes;
    size_t align;
    char **slot;               /* where the module finds the pseudo-pointer */
    const size_t *pointers_at; /* offsets of the pointers in it */
    size_t pointers;
};
/* A pointer where packed structures may put it. */
struct __attribute__((packed)) anywhere {
    char *pointer;
};
extern const struct lent_global __start_galeed_lent[] __attribute__((weak));
extern const struct lent_global __stop_galeed_lent[] __attribute__((weak));

enum { BUCKETS = 64, DEPTH = 8, HEAP_ALIGN = 16 };
struct bucket {
    size_t count;
    struct {
        void *block;
        size_t bytes, align;
    } free[DEPTH];
};

static struct {
    void *(*new)(size_t bytes, size_t align);
    void *(*resize)(void *block, size_t bytes, size_t align);
    void (*end)(void *block);
} host;
static struct bucket buckets[BUCKETS];

static int is_lent(const void *pointer) { return (uintptr_t)pointer >> GALEED_TAG_SHIFT == GALEED_TAG; }

static void *fresh(size_t bytes, size_t align) {
    void *block = host.new(bytes, align);
    if (!is_lent(block)) {
        abort(); /* memory ran out, or the gate did not lend: either way nothing would be tested */
    }
    return block;
}

/* Stack buffers: on entry to their function, and before it returns. */
void *galeed_lent_new(size_t bytes, size_t align) {
    struct bucket *bucket = &buckets[(bytes ^ align) % BUCKETS];
    for (size_t i = bucket->count; i-- > 0;) {
        if (bucket->free[i].bytes == bytes && bucket->free[i].align == align) {
            void *block = bucket->free[i].block;
            bucket->free[i] = bucket->free[--bucket->count];
            return block;
        }
    }
    return fresh(bytes, align);
}

void galeed_lent_end(void *block, size_t bytes, size_t align) {
    struct bucket *bucket = &buckets[(bytes ^ align) % BUCKETS];
    if (bucket->count == DEPTH) {
        host.end(block);
        return;
    }
    bucket->free[bucket->count].block = block;
    bucket->free[bucket->count].bytes = bytes;
    bucket->free[bucket->count++].align = align;
}

/* Heap blocks: in place of the C library's allocator. */
void *galeed_lent_malloc(size_t bytes) { return fresh(bytes ? bytes : 1, HEAP_ALIGN); }

void *galeed_lent_calloc(size_t count, size_t bytes) {
    size_t all;
    if (__builtin_mul_overflow(count, bytes, &all)) {
        return NULL;
    }
    return memset(galeed_lent_malloc(all), 0, all);
}

void galeed_lent_free(void *block) {
    if (is_lent(block)) {
        host.end(block);
    } else {
        free(block); /* from the C library itself: strdup, getline */
    }
}

void *galeed_lent_realloc(void *block, size_t bytes) {
    if (block == NULL) {
        return galeed_lent_malloc(bytes);
    }
    return is_lent(block) ? host.resize(block, bytes ? bytes : 1, HEAP_ALIGN) : realloc(block, bytes);
}

/* Where a pointer into an original leads now. */
static char *moved(char *pointer) {
    for (const struct lent_global *each = __start_galeed_lent; each < __stop_galeed_lent; each++) {
        if ((uintptr_t)pointer - (uintptr_t)each->original < each->bytes) {
            return *each->slot + (pointer - each->original);
        }
    }
    return pointer;
}

/* The host calls this through the gate, before anything else of C. */
void galeed_lent_start(void *(*new)(size_t, size_t), void *(*resize)(void *, size_t, size_t), void (*end)(void *)) {
    host.new = new;
    host.resize = resize;
    host.end = end;
    for (const struct lent_global *each = __start_galeed_lent; each < __stop_galeed_lent; each++) {
        *each->slot = fresh(each->bytes ? each->bytes : 1, each->align);
        memcpy(*each->slot, each->original, each->bytes);
    }
    for (const struct lent_global *each = __start_galeed_lent; each < __stop_galeed_lent; each++) {
        for (size_t i = 0; i < each->pointers; i++) {
            char *pointer = ((const struct anywhere *)(each->original + each->pointers_at[i]))->pointer;
            if (pointer != NULL) {
                ((struct anywhere *)(*each->slot + each->pointers_at[i]))->pointer = moved(pointer);
            }
        }
    }
}
