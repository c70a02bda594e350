/* harness_lent.c - host_buffer from the host heap: lent, mapped, as it crosses the gate. */
#include "galeed.h"
#include "harness.h"

void *host_buffer(size_t bytes) {
    /* A page or more has pages of its own; less would be lent privately. */
    void *buffer = galeed_heap_alloc(bytes < MPK_PAGE_BYTES ? MPK_PAGE_BYTES : bytes, 64);
    NEED(buffer != NULL);
    return buffer;
}

void host_buffer_free(void *buffer) { galeed_heap_free(buffer); }
