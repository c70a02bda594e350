#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
size_t look(const char *text) { return strlen(text); }
uint64_t *make(void) { uint64_t *p = malloc(8); if (p) *p = 1; return p; }
void unmake(uint64_t *p) { free(p); }
void maybe(char *text, bool mine) { if (mine) free(text); }
