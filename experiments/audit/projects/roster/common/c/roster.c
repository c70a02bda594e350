#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct roster {
    char *names[64];
};

struct record {
    uint32_t number, age;
    double score;
};

static unsigned char page[4096];
static double best;

struct roster *roster_new(void)
{
    return calloc(1, sizeof(struct roster));
}

void roster_free(struct roster *roster)
{
    for (int i = 0; i < 64; i++)
        free(roster->names[i]);
    free(roster);
}

int roster_adopt(struct roster *roster, uint32_t number, char *name)
{
    if (number >= 64) {
        free(name);
        return -1;
    }
    free(roster->names[number]);
    roster->names[number] = name;
    return 0;
}

int roster_rename(struct roster *roster, uint32_t number, const char *name)
{
    char *copy = strdup(name);
    return copy ? roster_adopt(roster, number, copy) : -1;
}

char *roster_name(const struct roster *roster, uint32_t number)
{
    if (number >= 64 || !roster->names[number])
        return NULL;
    return strdup(roster->names[number]);
}

void roster_free_name(char *name)
{
    free(name);
}

int roster_announce(const struct record *record)
{
    if (record->score > best)
        best = record->score;
    return record->age > 150 ? -1 : 0;
}

void roster_publish(const unsigned char *bytes, size_t count)
{
    memcpy(page, bytes, count < sizeof page ? count : sizeof page);
}
