struct lamp { int color; int is_on; unsigned char level; };

int lamp_color(struct lamp *self) {
    if (!self->is_on)
        return -1;
    return self->level & 1;
}

int lamp_any(struct lamp *self) {
    return self->color;
}

char lamp_on(struct lamp *self) {
    return self->is_on ? 2 : 0;
}

void lamp_each(struct lamp *self, void (*told)(int, void *), void *data) {
    told(self->color, data);
    told(3, data);
}
