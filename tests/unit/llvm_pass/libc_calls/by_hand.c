/* by_hand.c - calls that no row of a table describes alone: formats, lists, callbacks, files. */
#include <errno.h>
#include <iconv.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include <wchar.h>

static void *kept[4];
void keep(int number, void *pointer) { kept[number] = pointer; }
long run_kept(long (*run)(void *, void *, void *, void *)) { return run(kept[0], kept[1], kept[2], kept[3]); }

/* Formats: doubles, long doubles, stars and positions between the strings. */
int mixed(char *to, size_t n, const char *a, const char *b, int *count) {
    long double wide = 2.25L;
    return snprintf(to, n, "%s|%5.2f|%.*s|%Lg|%d%n|%c%%", a, 1.5, 3, b, wide, 7, count, 'c');
}
int positions(char *to, const char *a, const char *b) { return sprintf(to, "%2$s-%1$s-%3$d", a, b, 5); }
int wide_text(char *to, const wchar_t *text) { return sprintf(to, "%ls", text); }
int precise(char *to, size_t n, const char *text, int most) { return snprintf(to, n, "%.*s", most, text); }
__attribute__((noinline)) static int listed(char *to, size_t n, const char *format, ...) {
    va_list list;
    va_start(list, format);
    int made = vsnprintf(to, n, format, list);
    va_end(list);
    return made;
}
/* More than the registers hold, of each kind. */
int long_list(char *to, size_t n, const char *a, const char *b) {
    return listed(to, n, "%s %d %d %d %d %g %g %g %g %g %g %g %g %g %Lg %s", a, 1, 2, 3, 4, .5, 1., 2., 3., 4., 5., 6.,
                  7., 8., 9.L, b);
}
int raw_format(char *to, size_t n) { return listed(to, n, "%d %s", 4, "five"); }

int scanned(const char *text, int *number, char *word, double *real) {
    return sscanf(text, "%d %s %lf", number, word, real);
}
int scanned_bounded(const char *text, char *word) { return sscanf(text, "%3[a-z]", word); }
int scanned_file(char *word) {
    FILE *file = tmpfile();
    fputs("words", file);
    rewind(file);
    int got = fscanf(file, "%s", word);
    fclose(file);
    return got;
}

/* errno and the result of a call that fails stay. */
int closed(char *p, size_t n) {
    errno = 0;
    return read(-1, p, n) == -1 ? errno : 0;
}
/* Through a pipe and back. */
long piped(char *to, const char *from, size_t n) {
    int ends[2];
    if (pipe(ends)) return -1;
    long sent = write(ends[1], from, n), got = read(ends[0], to, n);
    close(ends[0]);
    close(ends[1]);
    return sent == got ? got : -1;
}
size_t through_file(char *to, const char *from, size_t size, size_t n) {
    FILE *file = tmpfile();
    size_t sent = fwrite(from, size, n, file);
    rewind(file);
    size_t got = fread(to, size, n, file);
    fclose(file);
    return sent == got ? got : 0;
}
int lines(char *to, int n) {
    FILE *file = tmpfile();
    int count = 0;
    fputs("one\ntwo\n", file);
    rewind(file);
    while (fgets(to, n, file)) count++;
    fclose(file);
    return count;
}

static int descending(const void *a, const void *b) { return *(const int *)b - *(const int *)a; }
void sorted(int *p, size_t n) { qsort(p, n, sizeof *p, descending); }
int *searched(const int *key, int *p, size_t n) { return bsearch(key, p, n, sizeof *p, descending); }

/* The end pointer in the caller's memory, in lent memory, and none. */
long number(char *text, char **end) { return strtol(text, end, 10); }
long summed(char *text) {
    long sum = 0;
    for (char *end; *text; text = end) {
        sum += strtol(text, &end, 10);
        if (end == text) return -1;
    }
    return sum;
}
char *after(char *text, int byte) { char *found = strchr(text, byte); return found ? found + 1 : NULL; }
/* A line that is known in a report. */
size_t measured(const char *text) { return strlen(text); }
void buffered(char *p) { setvbuf(stdout, p, _IOFBF, 100); }
/* Pointers in cells: in C's memory, and in the host's. */
int words(char *text, const char *marks, int again) {
    int count = 0;
    char *place = text + 1000;
    if (again) {
        for (char *word = strtok(text, marks); word; word = strtok(NULL, marks)) count += word[0];
    } else {
        for (char *word = strtok_r(text, marks, &place); word; word = strtok_r(NULL, marks, &place)) count += word[0];
    }
    return count;
}
char *parted(char **text, const char *marks) { return strsep(text, marks); }
long converted(char **in, size_t *in_left, char **out, size_t *out_left) {
    iconv_t cd = iconv_open("UTF-16LE", "UTF-8");
    long got = (long)iconv(cd, in, in_left, out, out_left);
    iconv_close(cd);
    return got;
}
long vectors(char *a, size_t a_bytes, char *b, size_t b_bytes) {
    int ends[2];
    if (pipe(ends)) return -1;
    struct iovec out[] = {{a, a_bytes}, {"-", 1}, {b, b_bytes}}, in[] = {{b, b_bytes}, {a, a_bytes}};
    long sent = writev(ends[1], out, 3), got = readv(ends[0], in, 2);
    close(ends[0]);
    close(ends[1]);
    return sent - got;
}
long lines_of(char **line, size_t *bytes) {
    FILE *file = tmpfile();
    fputs("one\nthree\n", file);
    rewind(file);
    long most = 0;
    for (long got; (got = getline(line, bytes, file)) > 0;) most = got > most ? got : most;
    fclose(file);
    free(*line);
    *line = NULL;
    return most;
}
long outside(int *numbers, size_t n, char *text);
long through_copies(int *numbers, size_t n, char *text) { return outside(numbers, n, text); }
/* Found before the end of what it was told. */
char *early(char *p, int byte) { return memchr(p, byte, (size_t)-1 / 2); }
