/* calls.h - how the host sees generated calls: a function, and the memory that it is given. */
#ifndef CALLS_H
#define CALLS_H
#include <stddef.h>

struct call_memory {
    size_t bytes;
    int writes;
    int beyond; /* as main.rs says */
    size_t unit;
    const char *text;
    size_t text_bytes;
};
struct call_case {
    const char *name;
    long (*run)(void *, void *, void *, void *);
    int count;
    int varies;
    struct call_memory memory[4];
};
#endif
