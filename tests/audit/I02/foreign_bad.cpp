#include <cstdint>
#include <cstdlib>
extern "C" {
static void end(void *p) { free(p); }
void take_over(char *text) { if (text) end(text); }
uint64_t *make(void) { uint64_t *p = (uint64_t *)malloc(8); if (p) *p = 1; return p; }
void *make_cxx(void) noexcept { return new int(5); }
}
