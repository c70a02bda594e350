/* naive.h - the undefended side: a domain and a gate as first thought of.
 *
 * Rights are changed and nothing is compared, checked or kept from anybody. Each
 * attack must succeed against this, or its failure elsewhere proves nothing.
 */
#ifndef NAIVE_H
#define NAIVE_H

#include <stddef.h>
#include <stdint.h>

#define NAIVE_BYTES (64 * 4096)

/* Fills target; open. Returns 0, or -1 with errno. pku: 1, or 0 for mprotect. */
int naive_domain(int pku);
void *naive_new_page(void); /* in the domain, zero */
void naive_enter(void);     /* closes the domain */
uint32_t *naive_closed(void); /* where the calling thread keeps what naive_enter writes */
void naive_exit(void);      /* opens it */
const void *naive_wrpkru(void); /* pku: the gate's code around the instruction */

#endif
