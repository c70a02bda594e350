/* harness_raw.c - host_buffer without a host heap: every pointer is raw. */
#include "harness.h"
#include <stdlib.h>

void *host_buffer(size_t bytes) {
    void *buffer = malloc(bytes);
    NEED(buffer != NULL);
    return buffer;
}

void host_buffer_free(void *buffer) { free(buffer); }
