/* heap_limit.c - the end of memory: a domain's own limit, what is given back
 * before the heap says no, and why it said no.
 *
 * Invariants:
 *  - pages in use (used_pages: all of the heap's pages but those in free runs) grow
 *    only in heap_pages.c, each time after a look at limit_pages;
 *  - a refusal is NULL and changes nothing; it never ends the process.
 *
 * Limits cost nothing on the hot paths: they are looked at where pages change
 * hands. So their grain is a span (64 KiB) for short blocks.
 *
 * Attacker: foreign code can make the host allocate until it is refused. It cannot
 * reach the limit itself, which lies in the domain.
 */
#include "heap_refuse.h"
#include "mpk_heap.h"

int mpk_domain_limit(mpk_domain *domain, size_t bytes) {
    enum mpk_rights previous;
    int error = mpk_domain_open(domain, MPK_READ_WRITE, &previous); /* knows a domain from any other address */
    if (error)
        return error;
    struct heap *heap = domain->heap;
    heap_lock(&heap->pages);
    __atomic_store_n(&heap->limit_pages, bytes ? bytes >> PAGE_SHIFT : SIZE_MAX, __ATOMIC_RELAXED);
    heap_unlock(&heap->pages);
    return mpk_domain_close(domain, previous);
}

void _mpk_heap_reclaim(struct heap *heap) {
    _mpk_heap_cache_drop(heap, heap->caches[_mpk_thread()->slot]);
    for (uint32_t class_ = 0; class_ < CLASSES; class_++)
        _mpk_heap_class_reclaim(heap, class_);
}

/* Pages that the allocation can take, with metadata for a descriptor. */
static size_t most_pages(size_t bytes, size_t align) {
    bool large = bytes > SMALL_MAX || align > MPK_PAGE_BYTES;
    return (large ? large_pages(bytes) : SMALL_PAGES) + METADATA_PAGES;
}

int mpk_heap_refusal(mpk_domain *domain, size_t bytes, size_t align) {
    struct heap *heap = domain->heap;
    if (align & (align - 1))
        return MPK_EINVALID;
    void *block = mpk_heap_alloc(domain, bytes, align);
    if (block) {
        mpk_heap_free(domain, block);
        return MPK_OK;
    }
    if (bytes >= heap->bytes || align >= heap->bytes)
        return MPK_ENOMEM;
    heap_lock(&heap->pages);
    size_t used = used_pages(heap), limit = heap->limit_pages;
    heap_unlock(&heap->pages);
    return used > limit || most_pages(bytes, align) > limit - used ? MPK_ELIMIT : MPK_ENOMEM;
}
