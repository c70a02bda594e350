#include <string.h>
int named(const char *name) { return strcmp(name, "known") == 0; }
int counted(const char *name, size_t n) { return n == 5 && memcmp(name, "known", n) == 0; }
