#include <stdlib.h>
#include <string.h>

struct setting {
    struct setting *next;
    char *name, *value;
};

struct settings {
    struct setting *first;
};

static char *copied(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = malloc(bytes);
    if (copy)
        memcpy(copy, text, bytes);
    return copy;
}

static void release(struct setting *one)
{
    free(one->name);
    free(one->value);
    free(one);
}

struct settings *settings_open(void)
{
    return calloc(1, sizeof(struct settings));
}

void settings_close(struct settings *all)
{
    struct setting *one = all->first;
    while (one) {
        struct setting *next = one->next;
        release(one);
        one = next;
    }
    free(all);
}

int settings_set(struct settings *all, const char *name, const char *value)
{
    struct setting *one = calloc(1, sizeof *one);
    if (!one)
        return -1;
    one->name = copied(name);
    one->value = copied(value);
    if (!one->name || !one->value) {
        release(one);
        return -1;
    }
    one->next = all->first;
    all->first = one;
    return 0;
}

const char *settings_get(const struct settings *all, const char *name)
{
    for (const struct setting *one = all->first; one; one = one->next)
        if (strcmp(one->name, name) == 0)
            return one->value;
    return NULL;
}

int settings_remove(struct settings *all, const char *name)
{
    for (struct setting **link = &all->first; *link; link = &(*link)->next) {
        if (strcmp((*link)->name, name) == 0) {
            struct setting *one = *link;
            *link = one->next;
            release(one);
            return 0;
        }
    }
    return -1;
}
