#include <stddef.h>
#include <stdint.h>

uint32_t hash_bytes(const unsigned char *bytes, size_t count)
{
    uint32_t value = 2166136261u;
    for (size_t i = 0; i < count; i++)
        value = (value ^ bytes[i]) * 16777619u;
    return value;
}
