/* Structures with pointers, copied whole between memory that is lent and memory that is not.
 * Where neither side has a type of its own, the compiler must say what is copied: it does
 * when it optimises. */
#include <stdint.h>
#include <stdio.h>

struct inner {
    int64_t number;
    int32_t *pointer;
};
struct outer {
    int32_t tag;
    int32_t *first;
    char name[12];
    struct inner inner;
    int32_t *many[2];
};
#pragma pack(push, 1)
struct packed {
    char tag;
    int32_t *first, *second;
};
#pragma pack(pop)

static int32_t values[6] = {1, 2, 3, 4, 5, 6};
static struct outer inside;
static struct packed tight;
static struct inner small;
struct outer outside, other; /* other modules could name these: they are never lent */
struct packed loose;
struct inner plain;

__attribute__((noinline)) static void copy(struct inner *to, const struct inner *from) {
#ifdef __OPTIMIZE__
    *to = *from;
#else
    to->number = from->number;
    to->pointer = from->pointer;
#endif
}

__attribute__((noinline)) static int64_t sum(const struct outer *each) {
    return *each->first + 10 * *each->inner.pointer + 100 * *each->many[0] + 1000 * *each->many[1] + each->tag;
}

__attribute__((noinline)) static int same(const struct outer *each) {
    return each->first == &values[0] && each->inner.pointer == &values[1] && each->many[1] == &values[3];
}

__attribute__((noinline)) static int32_t *picked(const struct outer *from, int which) {
    struct outer local = *from;
    local.many[which] += which;
    return local.many[which];
}

int main(void) {
    inside.tag = 7;
    inside.first = &values[0];
    inside.inner.pointer = &values[1];
    inside.many[0] = &values[2];
    inside.many[1] = &values[3];
    outside = inside;
    printf("outside %lld %d\n", (long long)sum(&outside), same(&outside));
    other = outside;
    other.tag = 8;
    inside = other;
    printf("back %lld %d\n", (long long)sum(&inside), same(&inside));
    small = inside.inner;
    copy(&plain, &small);
    printf("plain %d %d\n", *plain.pointer, plain.pointer == &values[1]);
    plain.pointer = &values[2];
    copy(&small, &plain);
    printf("small %d %d\n", *small.pointer, small.pointer == &values[2]);
    tight = (struct packed){'t', &values[4], &values[5]};
    loose = tight;
    *loose.second += 20;
    tight = loose;
    printf("packed %d %d %d\n", *loose.first, *tight.second, tight.first == &values[4]);
    printf("picked %d %d\n", *picked(&inside, 1), *picked(&outside, 0));
    return 0;
}
