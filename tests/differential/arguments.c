/* The program's arguments, which the kernel put above the first frame: an array that crosses
 * pages, strings, and the environment behind them. Run with many of them. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

extern char **environ;

__attribute__((noinline)) static uint32_t hash(const char *word) {
    uint32_t value = 2166136261u;
    for (; *word; word++) {
        value = (value ^ (unsigned char)*word) * 16777619u;
    }
    return value;
}

__attribute__((noinline)) static void reverse(char **words, int count) {
    for (int i = 0; i < count / 2; i++) {
        char *word = words[i];
        words[i] = words[count - 1 - i];
        words[count - 1 - i] = word;
    }
}

int main(int count, char **words) {
    uint32_t all = 0;
    size_t bytes = 0;
    char own[] = "own";
    for (int i = 1; i < count; i++) {
        all = all * 31 + hash(words[i]);
        bytes += strlen(words[i]);
    }
    printf("%d arguments of %zu bytes: %x\n", count - 1, bytes, all);
    /* The system's calling convention says so; the C library knows them by these addresses. */
    printf("ended %d, environment behind %d\n", words[count] == NULL, &words[count + 1] == environ);
    for (char **word = environ; *word; word++) {
        all += **word == 0;
    }
    reverse(words + 1, count - 1);
    words[1][0] = '!';
    words[2] = own;
    for (int i = 1; i < count && i < 6; i++) {
        printf("%.20s %zu\n", words[i], strlen(words[i]));
    }
    return all == 0;
}
