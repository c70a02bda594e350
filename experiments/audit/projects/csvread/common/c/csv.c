#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct table {
    const char *text;
    size_t count;
};

struct table *csv_open(const char *text, size_t count)
{
    struct table *table = malloc(sizeof *table);
    if (table) {
        table->text = text;
        table->count = count;
    }
    return table;
}

void csv_close(struct table *table)
{
    free(table);
}

const char *csv_field(const struct table *table, int row, int column, size_t *count)
{
    const char *at = table->text, *end = at + table->count;
    while (row > 0 && at < end)
        row -= *at++ == '\n';
    while (column > 0 && at < end && *at != '\n')
        column -= *at++ == ',';
    if (row > 0 || column > 0)
        return NULL;
    const char *stop = at;
    while (stop < end && *stop != ',' && *stop != '\n')
        stop++;
    *count = (size_t)(stop - at);
    return at;
}

int csv_column(const struct table *table, const char *name)
{
    size_t count, wanted = strlen(name);
    for (int column = 0;; column++) {
        const char *head = csv_field(table, 0, column, &count);
        if (!head)
            return -1;
        if (count == wanted && memcmp(head, name, count) == 0)
            return column;
    }
}

int csv_number(const char *text, size_t count, int64_t *number)
{
    int64_t value = 0;
    if (count == 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = 10 * value + (text[i] - '0');
    }
    *number = value;
    return 0;
}

void csv_limits(const struct table *table, uint32_t *limits)
{
    uint32_t rows = 0, columns = 1;
    for (size_t i = 0; i < table->count; i++) {
        rows += table->text[i] == '\n';
        columns += table->text[i] == ',' && rows == 0;
    }
    limits[0] = rows;
    limits[1] = columns;
}
