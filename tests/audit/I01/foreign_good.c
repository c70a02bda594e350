#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
struct pair { uint64_t a, b; };
struct point { float x, y, z; };
struct mixed { uint8_t a; double b; };
struct big { uint64_t a[4]; };
struct odd { uint8_t a[3]; };
enum color { red, green };
struct pair pair(struct pair p, int n) { p.a += n; return p; }
struct point point(struct point p) { p.x += 1; return p; }
struct mixed mixed(struct mixed m) { m.a += 1; return m; }
struct big big(struct big b) { b.a[0] += 1; return b; }
struct odd odd(struct odd o) { o.a[0] += 1; return o; }
enum color color(enum color c) { return c == red ? green : red; }
void *word(void *p) { return p; }
bool flag(bool b) { return !b; }
unsigned char byte(char c) { return (unsigned char)c; }
size_t text(const char *s) { return s ? strlen(s) : 0; }
int call(int (*f)(int), int a) { return f(a); }
int many(const char *format, ...) { return format[0]; }
int ignored(int a) { return a; }
__int128 wide(__int128 a) { return a + 1; }
double real(double a, float b) { return a + b; }
