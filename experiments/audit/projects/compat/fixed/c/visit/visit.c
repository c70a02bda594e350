#include <stddef.h>
#include <stdint.h>

uint32_t hash_bytes(const unsigned char *bytes, size_t count);

uint32_t compat_hash(const unsigned char *bytes, size_t count)
{
    return hash_bytes(bytes, count);
}

void compat_visit(void (*visit)(int, void *), void *user)
{
    for (int i = 0; i < 10; i++)
        visit(i, user);
}

int compat_restore(const unsigned char *area)
{
    return area[0];
}
