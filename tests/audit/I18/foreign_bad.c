#include <stdarg.h>
#include <stdio.h>

static void put(const char *format, va_list arguments) {
    vfprintf(stderr, format, arguments);
}

void tell(int level, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (level > 1)
        put(format, arguments);
    va_end(arguments);
}

int label(char *to, const char *text) {
    return sprintf(to, text);
}
