/* outside.c - is not rewritten, and no table knows it: it gets copies. */
#include <stddef.h>
long outside(int *numbers, size_t n, char *text) {
    long sum = 0;
    for (size_t i = 0; i < n; i++) sum += numbers[i]++;
    *text += 1; /* comes home where the memory was lent for writing */
    return sum;
}
