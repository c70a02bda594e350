/* The C library called with pointers that the compiler does not know. */
#include <stdio.h>
#include <string.h>

__attribute__((noinline)) static int said(const char *format, const char *word) { return printf(format, word); }

__attribute__((noinline)) static size_t measured(const char *word) { return strlen(word); }

int main(int count, char **words) {
    const char *formats[2] = {"once %s\n", "twice %s\n"};
    char buffer[32];
    int total = said(formats[count > 5], count > 5 ? words[1] : "word");
    snprintf(buffer, sizeof buffer, "%d of %s", total, formats[1] + 1);
    printf("%zu %s", measured(buffer), strchr(buffer, 'o'));
    for (char *word = strtok(buffer, " "); word; word = strtok(NULL, " ")) printf("[%s]", word);
    return total;
}
