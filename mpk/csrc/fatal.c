/* fatal.c - the last line of a runtime that cannot go on, and the end.
 *
 * In any state, also with rights closed or in a signal handler: no allocation, no locks, no
 * formatter of the C library.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
#include "report.h"
#include "text.h"

_Noreturn void _mpk_abort(void) {
    sigset_t only;
    signal(SIGABRT, SIG_DFL);
    sigemptyset(&only);
    sigaddset(&only, SIGABRT);
    sigprocmask(SIG_UNBLOCK, &only, NULL);
    abort();
}

void _mpk_fatal(const char *format, ...) {
    char line[512];
    struct text text = _mpk_text(line, sizeof line - 1);
    va_list arguments;
    va_start(arguments, format);
    _mpk_text_add(&text, "galeed: fatal: ");
    for (const char *at = format; *at; at++) {
        if (*at != '%') {
            char one[2] = {*at, 0};
            _mpk_text_add(&text, one);
            continue;
        }
        bool is_long = false;
        while (*++at == 'l' || *at == 'z') is_long = true;
        if (*at == 's') {
            const char *string = va_arg(arguments, const char *);
            _mpk_text_add(&text, string ? string : "(none)");
        } else if (*at == 'd') {
            _mpk_text_signed(&text, is_long ? va_arg(arguments, long) : va_arg(arguments, int));
        } else if (*at == 'u') {
            _mpk_text_decimal(&text, is_long ? va_arg(arguments, unsigned long) : va_arg(arguments, unsigned));
        } else if (*at == 'x') {
            _mpk_text_hex(&text, is_long ? va_arg(arguments, unsigned long) : va_arg(arguments, unsigned));
        } else if (*at == 'p') {
            _mpk_text_hex(&text, (uintptr_t)va_arg(arguments, void *));
        } else {
            break; /* '%' at the end, or a conversion that the arguments can't be trusted with */
        }
    }
    va_end(arguments);
    text.end++; /* the line always ends */
    _mpk_text_add(&text, "\n");
    _mpk_text_write(&text, STDERR_FILENO);
    _mpk_abort();
}
