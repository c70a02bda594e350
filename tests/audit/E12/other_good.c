#include <stdint.h>
struct header { uint32_t kind; uint32_t length; uint32_t flags; };
typedef struct { int left; int right; } pair;
long header_sum(struct header *one, pair *two) { return one->kind + one->length + one->flags + two->left + two->right; }
