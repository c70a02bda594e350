#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
struct big { uint64_t a, b, c, d; };
int arity(int a, int b) { return a + b; }
uint32_t width(uint64_t a) { return (uint32_t)(a >> 40); }
int result_width(int a) { return a; }
int kind(double a) { return (int)a; }
int signs(unsigned char a) { return a; }
int is_set(int a) { return a & 6; }
struct big filled(int a) { struct big b = {a, a, a, a}; return b; }
void nothing(int a) { (void)a; }
int logged(const char *format, ...) {
    va_list list;
    va_start(list, format);
    int n = vprintf(format, list);
    va_end(list);
    return n;
}
