#include <stdlib.h>

struct stream { struct state *state; int left; };
struct state { struct stream *owner; };

void add(int *restrict to, const int *restrict from, int count) {
    for (int at = 0; at < count; at++)
        to[at] += from[at];
}

void swap(int *left, int *right) {
    int kept = *left;
    *left = *right;
    *right = kept;
}

int sum(const int *restrict left, const int *restrict right) {
    return *left + *right;
}

int stream_open(struct stream *self) {
    self->state = malloc(sizeof(struct state));
    if (!self->state)
        return -1;
    self->state->owner = self;
    return 0;
}

int stream_left(struct stream *self) {
    struct stream *kept[1] = {self};
    return kept[0]->left;
}
