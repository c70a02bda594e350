#include <stdarg.h>
#include <stdio.h>

void tell(int level, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (level > 1)
        vfprintf(stderr, format, arguments);
    va_end(arguments);
}

int label(char *to, const char *text) {
    return sprintf(to, "%s", text);
}
