/* Pointers in globals, arrays, structures and vectors; compared, copied, moved along. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct pair {
    int32_t *left, *right;
};
struct large {
    struct pair pairs[3];
    int64_t numbers[5];
};
struct __attribute__((packed)) packed {
    char tag;
    int32_t *value;
};

static int32_t first = 1, second[4] = {2, 3, 4, 5};
static int32_t *const table[4] = {&first, &second[1], second + 3, 0};
static struct pair both = {&first, &second[2]};
static struct packed odd = {'x', &second[0]};
static int32_t **chain[2] = {&both.left, &both.right};
static volatile int32_t *volatile shifting = &first;

static int32_t add(const int32_t *value, int32_t by) { return *value + by; }
static int32_t take(const int32_t *value, int32_t by) { return *value - by; }
static int32_t (*const operations[2])(const int32_t *, int32_t) = {add, take};

__attribute__((noinline)) static struct large made(int32_t *a, int32_t *b) {
    struct large result = {.numbers = {1, 2, 3, 4, 5}};
    for (int i = 0; i < 3; i++) {
        result.pairs[i].left = i % 2 ? a : b;
        result.pairs[i].right = i % 2 ? b : a;
    }
    return result;
}

__attribute__((noinline)) static int64_t used(const struct large *given, int which) {
    struct large copy = *given;
    *copy.pairs[which].left += 10;
    copy.numbers[which] = *copy.pairs[which].right;
    int64_t total = 0;
    for (int i = 0; i < 5; i++) {
        total = total * 3 + copy.numbers[i];
    }
    return total;
}

__attribute__((noinline)) static void swap(struct pair *pair) {
    int32_t *left = pair->left;
    pair->left = pair->right;
    pair->right = left;
}

int main(void) {
    int32_t local = 100, more[8] = {0};
    struct large large = made(&local, &more[5]);
    printf("used %lld %lld\n", (long long)used(&large, 0), (long long)used(&large, 1));
    printf("same %d %d\n", large.pairs[0].right == &local, both.left == table[0]);
    for (int i = 0; table[i] != 0; i++) {
        printf("table %d %d\n", i, operations[i % 2](table[i], i));
    }
    swap(&both);
    **chain[0] = 40;
    *odd.value += 7;
    odd.value = &more[1];
    *odd.value = 9;
    shifting = second + 1;
    *shifting ^= 0x55;
    struct pair pairs[4];
    for (int i = 0; i < 4; i++) {
        pairs[i] = i % 2 ? both : large.pairs[i % 3];
    }
    memcpy(&pairs[0], &pairs[3], sizeof pairs[0]);
    int64_t total = 0;
    for (int i = 0; i < 4; i++) {
        total = total * 5 + *pairs[i].left + *pairs[i].right * 2;
    }
    for (int i = 0; i < 4; i++) {
        total = total * 7 + second[i] + more[2 * i + 1];
    }
    printf("total %lld; first %d, local %d\n", (long long)total, first, local);
    return pairs[0].left == both.left && pairs[0].right == both.right ? 3 : 4;
}
