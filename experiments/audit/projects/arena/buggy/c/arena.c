#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

static size_t count;

static _Alignas(16) unsigned char pool[1 << 24];
static size_t used;

void *malloc(size_t bytes)
{
    size_t size = (bytes + 15) & ~(size_t)15;
    size_t at = __atomic_fetch_add(&used, size, __ATOMIC_RELAXED);
    if (at + size > sizeof pool)
        return NULL;
    count++;
    return pool + at;
}

static void *const hooks[] = {(void *)dlopen, (void *)dlclose};

size_t arena_count(void)
{
    return count;
}

const void *arena_hook(int number)
{
    return number >= 0 && number < 2 ? hooks[number] : NULL;
}
