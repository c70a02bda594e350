#include <stddef.h>
#include <stdlib.h>

struct entry { int key; const char *text; struct entry *next; };

const char *entry_text(struct entry *self) {
    return self->key ? self->text : NULL;
}

struct entry *entry_find(struct entry *self, int key) {
    for (; self; self = self->next)
        if (self->key == key)
            return self;
    return NULL;
}

struct entry *entry_next(struct entry *self) {
    return entry_find(self->next, self->key);
}

struct entry *entry_make(void) {
    return calloc(1, sizeof(struct entry));
}

struct entry *entry_self(struct entry *self) {
    if (!self)
        return NULL;
    return self;
}

const char *entry_name(int key) {
    return key ? "an entry" : NULL;
}
