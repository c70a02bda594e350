// build: cc -c -O1 -fno-exceptions -fno-asynchronous-unwind-tables -o {out} {in}
#include <stdlib.h>
#include <string.h>
char *twice(const char *word) {
    size_t length = strlen(word);
    char *made = malloc(2 * length + 1);
    if (made) {
        memcpy(made, word, length);
        memcpy(made + length, word, length + 1);
    }
    return made;
}
