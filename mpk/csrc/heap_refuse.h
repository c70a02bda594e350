/* heap_refuse.h - how the heap says no: to a wrong pointer, and to a request that it
 * has no memory for. */
#ifndef GALEED_MPK_HEAP_REFUSE_H
#define GALEED_MPK_HEAP_REFUSE_H

#include "heap.h"

/* ---- heap_refuse.c ----------------------------------------------------------- */

#define SIZE_ANY SIZE_MAX       /* the caller has not said which size it expects */
/* The violation that the pointer is, reported; returns when policy says so, and
 * then nothing must be done. access: FREE, or READ for a mere question. bytes: the
 * size that the caller expects, for a live allocation's base only, else SIZE_ANY.
 * pre: no lock of the heap is held. */
void _mpk_heap_refuse(struct heap *heap, const void *pointer, enum mpk_access access, size_t bytes);

/* ---- heap_limit.c ------------------------------------------------------------ */

/* After a refusal, before the next try: gives back what the calling thread (which
 * has no cache then) and the classes keep without need. pre: no lock is held. */
void _mpk_heap_reclaim(struct heap *heap);

#endif
