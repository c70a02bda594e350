/* Linked items that Rust makes, each with a function of Rust's. */
#include <stddef.h>

struct item {
    const char *name;
    struct item *next;
    long (*visit)(void *user, const char *name);
    void *user;
};

static long one(struct item *item) { return item->visit ? item->visit(item->user, item->name) : 0; }

long items_visit(struct item *first) {
    long sum = 0;
    for (; first; first = first->next)
        sum += one(first);
    return sum;
}

long items_count(const struct item *first) {
    long count = 0;
    for (; first; first = first->next)
        count++;
    return count;
}

static long twice(long value) { return 2 * value; }

/* Given out by its address alone. */
typedef long (*number_function)(long);
number_function items_doubler(void) { return twice; }

/* Called by a test alone, under another name there. */
long items_longest(const struct item *first) {
    long most = 0;
    for (; first; first = first->next) {
        long length = 0;
        while (first->name[length])
            length++;
        most = length > most ? length : most;
    }
    return most;
}

/* Nobody calls it: the policy closes it. */
long items_forgotten(long *at) { return ++*at; }
