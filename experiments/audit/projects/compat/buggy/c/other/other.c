#include <stddef.h>
#include <stdint.h>

#define other_hash_bytes hash_bytes
uint32_t other_hash_bytes(const unsigned char *bytes, size_t count);

uint32_t compat_other(const unsigned char *bytes, size_t count)
{
    return other_hash_bytes(bytes, count);
}
