#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

static size_t count;

static void *const hooks[] = {(void *)puts, (void *)fputs};

size_t arena_count(void)
{
    return count;
}

const void *arena_hook(int number)
{
    return number >= 0 && number < 2 ? hooks[number] : NULL;
}
