/* Blocks of the C library's allocator: lists, growth, copies between all kinds of memory. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct node {
    struct node *next;
    uint32_t value;
    unsigned char bytes[5];
};

static struct node *head;
static struct node **tail = &head;

static void push(uint32_t value) {
    struct node *node = calloc(1, sizeof *node);
    node->value = value;
    memset(node->bytes, (int)(value & 0xff), sizeof node->bytes);
    *tail = node;
    tail = &node->next;
}

static uint32_t sum(const struct node *node) {
    uint32_t total = 0;
    for (; node != NULL; node = node->next) {
        total = total * 31 + node->value + node->bytes[4];
    }
    return total;
}

static void reverse(void) {
    struct node *done = NULL;
    while (head != NULL) {
        struct node *node = head;
        head = node->next;
        node->next = done;
        done = node;
    }
    head = done;
}

static size_t grow(uint64_t **words, size_t count) {
    for (size_t i = 0; i < 6; i++) {
        *words = realloc(*words, (count + 100) * sizeof **words);
        for (size_t j = 0; j < 100; j++) {
            (*words)[count + j] = count * 7 + j;
        }
        count += 100;
    }
    return count;
}

int main(void) {
    for (uint32_t i = 0; i < 50; i++) {
        push(i * 2654435761u);
    }
    printf("forward %u\n", sum(head));
    reverse();
    printf("backward %u\n", sum(head));
    uint64_t *words = NULL, local[100], total = 0;
    const size_t count = grow(&words, 0);
    memmove(words + 3, words, 50 * sizeof *words);
    memcpy(local, words + 10, sizeof local);
    for (size_t i = 0; i < 100; i++) {
        total ^= local[i] * words[count - 1 - i];
    }
    printf("words %llu\n", (unsigned long long)total);
    while (head != NULL) {
        struct node *next = head->next;
        free(head);
        head = next;
    }
    free(words);
    return (int)(total % 200);
}
