struct device { int ready; int width; int height; };

int device_width(struct device *self, int *out) {
    if (self->ready < 0)
        return -1;
    *out = self->width;
    return 0;
}

static int measured(struct device *self, int *out) {
    if (!self->height)
        return 2;
    *out = self->height;
    return 0;
}

int device_height(struct device *self, int *out) {
    return measured(self, out);
}

void device_area(struct device *self, long *out) {
    if (self->ready)
        *out = (long)self->width * self->height;
}

int device_mode(int mode, int *out) {
    switch (mode) {
    case 0:
        *out = 7;
        return 0;
    case 1:
        *out = 9;
        return 0;
    default:
        return 1;
    }
}
