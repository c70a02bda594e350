/* library.c - a library as a compiler that knows nothing of us makes it: loops that it vectorises,
 * structures, lists, bytes, atomics. Each function works on what it is lent. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct node { struct node *next; uint32_t value; };

uint64_t sum(const uint32_t *numbers, size_t count) {
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++) total += numbers[i];
    return total;
}

void scale(float *numbers, size_t count, float by) {
    for (size_t i = 0; i < count; i++) numbers[i] = numbers[i] * by + 1;
}

void reverse(char *text) {
    size_t length = strlen(text);
    for (size_t i = 0; i < length / 2; i++) {
        char letter = text[i];
        text[i] = text[length - 1 - i];
        text[length - 1 - i] = letter;
    }
}

/* Through pointers that the host's structures hold. */
uint32_t walk(const struct node *node) {
    uint32_t total = 0;
    for (; node; node = node->next) total = total * 10 + node->value;
    return total;
}

/* Puts the second node first: pointers of the host's own are stored. */
void swap_first(struct node **list) {
    struct node *first = *list, *second = first->next;
    first->next = second->next;
    second->next = first;
    *list = second;
}

uint32_t count(_Atomic uint32_t *counter, uint32_t times) {
    for (uint32_t i = 0; i < times; i++) __atomic_fetch_add(counter, 3, __ATOMIC_SEQ_CST);
    uint32_t expected = 3 * times;
    __atomic_compare_exchange_n(counter, &expected, 7, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return expected;
}

/* A copy of C's own, by the library function, and back. */
int through_own_memory(char *lent, size_t bytes) {
    char *own = malloc(bytes);
    if (!own) return 1;
    memcpy(own, lent, bytes);
    memset(lent, 0, bytes);
    memcpy(lent, own, bytes);
    free(own);
    return 0;
}

/* REP MOVS and REP STOS, which compilers make of copies at -Os. */
void move_and_fill(uint64_t *to, const uint64_t *from, size_t count, uint64_t *filled) {
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
    size_t words = 4;
    __asm__ volatile("rep stosq" : "+D"(filled), "+c"(words) : "a"((uint64_t)9) : "memory");
}
