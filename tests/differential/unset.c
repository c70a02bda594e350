/* A structure with a member that was never set may be copied; nothing follows from its value. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct pair {
    int32_t *pointer;
    int64_t number;
};

static int32_t values[3] = {5, 6, 7};

__attribute__((noinline)) static int32_t *chosen(int which) { return &values[which]; }

__attribute__((noinline)) static int copied(struct pair *to, int which) {
    struct pair unset;
    unset.number = which * 3;
    if (which) {
        unset.pointer = chosen(which);
    }
    *to = unset;
    return which ? 10 : 20;
}

__attribute__((noinline)) static int moved(struct pair *to, const struct pair *from, int how) {
    to->pointer = from->pointer;
    to->number = from->number + how;
    return how > 1 ? 1 : 2;
}

int main(void) {
    struct pair *first = malloc(sizeof *first), *second = malloc(sizeof *second);
    int total = copied(first, 0);
    printf("none %d %lld\n", total, (long long)first->number);
    struct pair fresh;
    fresh.number = total;
    total += moved(second, &fresh, total % 3);
    printf("fresh %d %lld\n", total, (long long)second->number);
    total += copied(first, 2);
    total += moved(second, first, total % 3);
    printf("set %d %d %lld\n", total, *second->pointer, (long long)second->number);
    free(first);
    free(second);
    return total % 100;
}
