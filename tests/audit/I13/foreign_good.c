#include <stdbool.h>

struct lamp { int color; int is_on; unsigned char level; };

int lamp_color(struct lamp *self) {
    if (!self->is_on)
        return 2;
    return self->level & 1;
}

int lamp_any(struct lamp *self) {
    return self->color;
}

bool lamp_on(struct lamp *self) {
    return self->is_on;
}

void lamp_each(struct lamp *self, void (*told)(int, void *), void *data) {
    (void)self;
    told(1, data);
}
