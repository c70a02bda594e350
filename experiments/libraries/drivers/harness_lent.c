/* harness_lent.c - host_buffer from the host heap, lent mapped.
 *
 * It would be lent as it crosses the gate; lending it here already, which gives the same
 * handle, shows that it is what the figures say.
 */
#include "galeed.h"
#include "harness.h"

void *host_buffer(size_t bytes) {
    /* A page or more has pages of its own; less would be lent privately. */
    void *buffer = galeed_heap_alloc(bytes < MPK_PAGE_BYTES ? MPK_PAGE_BYTES : bytes, 64);
    NEED(buffer != NULL);
    uint64_t handle = 0;
    struct galeed_lease lease;
    NEED(galeed_lend((uintptr_t)buffer, &handle) == 0 && galeed_describe(handle, &lease) == 0);
    NEED(lease.mapped && lease.writable);
    return buffer;
}

void host_buffer_free(void *buffer) { galeed_heap_free(buffer); }
