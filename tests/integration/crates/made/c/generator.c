/* Writes a C table: a program without a host, built and run by the build. */
#include <stdio.h>
#include <stdlib.h>

static void row(char *line, size_t bytes, int number) { snprintf(line, bytes, "%d,", number * number); }

int main(int argc, char **argv) {
    char *line = malloc(32);
    printf("static const int squares[] = {");
    for (int i = 0; i < (argc > 1 ? atoi(argv[1]) : 3); i++) {
        row(line, 32, i);
        fputs(line, stdout);
    }
    puts("};");
    free(line);
    return 0;
}
