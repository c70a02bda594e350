/* corrupt.c - breaks an invariant of the heap on purpose, then uses the heap: which
 * debug level notices? Ends 0 when nobody did. usage: corrupt word|count */
#include "heap_debug.h"
#include "check.h"

int main(int argc, char **argv) {
    CHECK(argc == 2);
    mpk_domain *host = test_host();
    struct heap *heap = host->heap;
    void *block = mpk_heap_alloc(host, 40, 8);
    mpk_heap_free(host, block);
    if (!strcmp(argv[1], "word")) { /* as a stray write of the host would */
        const struct size_class *class_ = unit_class(heap, unit_of(heap, (uintptr_t)block));
        uint32_t index = block_index(class_, small_offset(class_, (uintptr_t)block));
        atomic_store(size_word((uintptr_t)block, index), (uint16_t)(SIZE_LIVE | 40));
    } else {
        heap->dirty_pages += 1;
    }
    for (int i = 0; i < 2 * MPK_HEAP_DEBUG_EVERY; i++)
        CHECK(mpk_heap_alloc(host, 40, 8));
    puts("unnoticed");
    return 0;
}
