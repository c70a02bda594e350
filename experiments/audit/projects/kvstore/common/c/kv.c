#include <stdint.h>
#include <stdlib.h>

struct kv_store {
    uint64_t count, room;
    uint64_t *keys, *values;
};

struct kv_cursor {
    struct kv_store *store;
    uint64_t position, steps;
};

struct kv_stats {
    uint64_t entries, bytes;
};

struct kv_store *kv_open(void)
{
    return calloc(1, sizeof(struct kv_store));
}

void kv_destroy(struct kv_store *store)
{
    free(store->keys);
    free(store->values);
    free(store);
}

static int grow(struct kv_store *store)
{
    uint64_t room = store->room ? 2 * store->room : 16;
    uint64_t *keys = realloc(store->keys, room * sizeof *keys);
    if (!keys)
        return -1;
    store->keys = keys;
    uint64_t *values = realloc(store->values, room * sizeof *values);
    if (!values)
        return -1;
    store->values = values;
    store->room = room;
    return 0;
}

int kv_put(struct kv_store *store, uint64_t key, uint64_t value)
{
    if (store->count == store->room && grow(store) != 0)
        return -1;
    store->keys[store->count] = key;
    store->values[store->count++] = value;
    return 0;
}

int kv_get(const struct kv_store *store, uint64_t key, uint64_t *value)
{
    for (uint64_t i = 0; i < store->count; i++) {
        if (store->keys[i] == key) {
            *value = store->values[i];
            return 0;
        }
    }
    return -1;
}

void kv_stat(const struct kv_store *store, struct kv_stats *stats)
{
    stats->entries = store->count;
    stats->bytes = store->room * 2 * sizeof(uint64_t);
}

struct kv_cursor *kv_cursor_new(struct kv_store *store)
{
    struct kv_cursor *cursor = calloc(1, sizeof *cursor);
    if (cursor)
        cursor->store = store;
    return cursor;
}

int kv_cursor_next(struct kv_cursor *cursor, uint64_t *value)
{
    cursor->steps++;
    if (cursor->position >= cursor->store->count)
        return -1;
    *value = cursor->store->values[cursor->position++];
    return 0;
}

void kv_cursor_free(struct kv_cursor *cursor)
{
    free(cursor);
}
