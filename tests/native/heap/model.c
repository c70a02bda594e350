/* model.c - random operations against a model: a table of what should be live.
 *
 * usage: model SEED STEPS. After each step the touched allocation is looked up;
 * at intervals everything is: no two overlap (one past the end included), every
 * byte is what was written, every invariant of the heap holds.
 */
#include "check.h"

#define SLOTS 2048

struct slot {
    unsigned char *base;        /* NULL: free */
    size_t bytes;
    uint32_t seed, mark;        /* mark 0: none set */
    int shared;
};
static struct slot slots[SLOTS];
static mpk_domain *domain;
static uint64_t state;
static struct { uintptr_t base; size_t old_bytes, new_bytes; uint32_t mark; } told;

static void on_freed(uintptr_t base, size_t bytes, uint32_t mark) {
    CHECK(!told.mark);
    told.base = base, told.old_bytes = bytes, told.new_bytes = SIZE_MAX, told.mark = mark;
}
static void on_resized(uintptr_t base, size_t old_bytes, size_t new_bytes, uint32_t mark) {
    CHECK(!told.mark);
    told.base = base, told.old_bytes = old_bytes, told.new_bytes = new_bytes, told.mark = mark;
}

static size_t random_bytes(void) {
    static const size_t edges[] = {0, 1, 7, 8, 9, 4095, 4096, 4097, 8191, 8192, 65535, 65536, 131072};
    uint32_t kind = test_random(&state) % 100;
    if (kind < 50) return test_random(&state) % 130;
    if (kind < 75) return test_random(&state) % 5000;
    if (kind < 85) return edges[test_random(&state) % (sizeof edges / sizeof *edges)];
    if (kind < 99) return test_random(&state) % 100000;
    return test_random(&state) % (3u << 20);
}

static size_t random_align(void) {
    uint32_t kind = test_random(&state) % 10;
    return kind < 6 ? 8 : kind < 7 ? 0 : (size_t)1 << test_random(&state) % 18;
}

static void look_up(const struct slot *slot) {
    size_t offsets[] = {0, slot->bytes / 3, slot->bytes ? slot->bytes - 1 : 0, slot->bytes};
    struct mpk_allocation found;
    for (int i = 0; i < 4; i++) {
        CHECK(mpk_heap_find(domain, (uintptr_t)slot->base + offsets[i], &found));
        CHECK(found.base == (uintptr_t)slot->base && found.bytes == slot->bytes);
        CHECK(found.own_pages || found.bytes < MPK_PAGE_BYTES);
        CHECK(!found.shared == !slot->shared);
        CHECK(slot->mark ? found.mark && *found.mark == slot->mark : !found.mark || !*found.mark);
    }
    if (mpk_heap_find(domain, (uintptr_t)slot->base + slot->bytes + 1, &found))
        CHECK(found.base != (uintptr_t)slot->base);
    if (mpk_heap_find(domain, (uintptr_t)slot->base - 1, &found))
        CHECK(found.base != (uintptr_t)slot->base);
}

static int by_base(const void *a, const void *b) {
    const struct slot *left = *(struct slot *const *)a, *right = *(struct slot *const *)b;
    return (left->base > right->base) - (left->base < right->base);
}

static void look_at_all(void) {
    static struct slot *live[SLOTS];
    size_t count = 0, bytes = 0;
    for (int i = 0; i < SLOTS; i++) {
        if (!slots[i].base)
            continue;
        CHECK(test_filled(slots[i].base, slots[i].bytes, slots[i].bytes, slots[i].seed));
        look_up(&slots[i]);
        bytes += slots[i].bytes;
        live[count++] = &slots[i];
    }
    qsort(live, count, sizeof *live, by_base);
    for (size_t i = 1; i < count; i++)
        CHECK(live[i - 1]->base + live[i - 1]->bytes < live[i]->base);
    struct mpk_heap_stats stats;
    mpk_heap_statistics(domain, &stats);
    CHECK(stats.live_allocations == count && stats.live_bytes == bytes);
    CHECK_HEAP(domain);
}

static void start(struct slot *slot) {
    size_t bytes = random_bytes(), align = random_align();
    int zero = test_random(&state) % 4 == 0;
    unsigned char *base = zero ? mpk_heap_calloc(domain, bytes, align) : mpk_heap_alloc(domain, bytes, align);
    CHECK(base && (uintptr_t)base % (align ? align : 16) == 0);
    for (size_t i = 0; zero && i < bytes; i++)
        CHECK(base[i] == 0);
    *slot = (struct slot){.base = base, .bytes = bytes, .seed = test_random(&state)};
    test_fill(base, bytes, slot->seed);
    look_up(slot);
}

static void end(struct slot *slot) {
    struct mpk_allocation found;
    uintptr_t base = (uintptr_t)slot->base;
    CHECK(test_filled(slot->base, slot->bytes, slot->bytes, slot->seed));
    mpk_heap_free(domain, slot->base);
    CHECK(told.mark == slot->mark);
    if (told.mark)
        CHECK(told.base == base && told.old_bytes == slot->bytes && told.new_bytes == SIZE_MAX);
    told.mark = 0;
    CHECK(!mpk_heap_find(domain, base, &found));
    CHECK(!mpk_heap_find(domain, base + slot->bytes / 2, &found));
    CHECK(!mpk_heap_find(domain, base + slot->bytes, &found));
    slot->base = NULL;
}

static void resize(struct slot *slot) {
    size_t bytes = random_bytes(), align = random_align();
    struct slot old = *slot;
    slot->base = mpk_heap_realloc(domain, old.base, bytes, align);
    slot->bytes = bytes;
    CHECK(slot->base && (uintptr_t)slot->base % (align ? align : 16) == 0);
    CHECK(test_filled(slot->base, old.bytes < bytes ? old.bytes : bytes, old.bytes, old.seed));
    if (told.mark) {
        CHECK(told.mark == old.mark && told.base == (uintptr_t)old.base && told.old_bytes == old.bytes);
        CHECK(told.new_bytes == (slot->base == old.base ? bytes : SIZE_MAX));
    } else {
        CHECK(!old.mark || (slot->base == old.base && bytes == old.bytes));
    }
    told.mark = 0;
    if (slot->base != old.base)
        slot->mark = 0, slot->shared = 0;
    test_fill(slot->base, bytes, slot->seed);
    look_up(slot);
}

static void step(struct slot *slot) {
    uint32_t choice = test_random(&state) % 100;
    if (!slot->base) {
        start(slot);
    } else if (choice < 50) {
        end(slot);
    } else if (choice < 75) {
        resize(slot);
    } else if (choice < 90) {
        slot->mark = 1 + test_random(&state) % 1000;
        *mpk_heap_mark(domain, (uintptr_t)slot->base) = slot->mark;
        look_up(slot);
    } else {
        int error = mpk_heap_share(domain, (uintptr_t)slot->base);
        struct mpk_allocation found;
        CHECK(mpk_heap_find(domain, (uintptr_t)slot->base, &found));
        CHECK(error == (found.own_pages ? 0 : MPK_EINVALID));
        slot->shared = found.own_pages;
        CHECK(test_filled(slot->base, slot->bytes, slot->bytes, slot->seed));
        look_up(slot);
    }
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    state = strtoull(argv[1], NULL, 10);
    long steps = strtol(argv[2], NULL, 10);
    struct mpk_heap_hooks hooks = {on_freed, on_resized};
    domain = test_host();
    mpk_heap_set_hooks(domain, &hooks);
    for (long i = 0; i < steps; i++) {
        /* Now few, now many: so that spans and runs empty and fill. */
        uint32_t span = i / 20000 % 2 ? 50 : SLOTS;
        step(&slots[test_random(&state) % span]);
        if (i % 5000 == 4999)
            look_at_all();
    }
    for (int i = 0; i < SLOTS; i++)
        if (slots[i].base)
            end(&slots[i]);
    look_at_all();
    puts("ok");
    return 0;
}
