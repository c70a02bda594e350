#include <stddef.h>
#include <stdint.h>

uint32_t hash_bytes(const unsigned char *bytes, size_t count)
{
    uint32_t value = 0;
    for (size_t i = 0; i < count; i++)
        value = value * 31u + bytes[i];
    return value;
}
