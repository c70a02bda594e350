/* mpk_scan.h - finds the instructions that could change rights behind a gate's
 * back, at every byte offset, whatever instruction the compiler meant there.
 *
 * Source: [ERIM] (whose scanner stopped at offset 0 of a region), [SDM 2].
 */
#ifndef GALEED_MPK_SCAN_H
#define GALEED_MPK_SCAN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum mpk_gadget {
    MPK_GADGET_WRPKRU = 1,   /* 0F 01 EF */
    MPK_GADGET_XRSTOR = 2,   /* 0F AE /5, memory form (also with REX.W) */
    MPK_GADGET_XRSTORS = 3,  /* 0F C7 /3, memory form; faults in user mode, reported all the same */
    MPK_GADGET_WRFSBASE = 4, /* F3 [prefixes] 0F AE /2, register form */
    MPK_GADGET_WRGSBASE = 5, /* F3 [prefixes] 0F AE /3, register form */
};
#define MPK_GADGET_BYTES 15  /* of the longest hit: an instruction's limit */

struct mpk_scan_hit {
    size_t offset;           /* of the first byte that must be there: 0F, or F3 */
    uint32_t gadget;         /* enum mpk_gadget */
    uint32_t bytes;          /* that identify it: up to ModRM, without the address that may follow */
};
/* Calls visit for each hit in code[0 .. bytes), in order, until it returns non-zero;
 * returns that, or 0. Looks at no byte outside; a gadget that may continue past the end
 * is a hit only when its identifying bytes are all there, so hand over whole runs of
 * adjacent executable mappings (or windows that overlap by MPK_GADGET_BYTES - 1). */
int mpk_scan(const uint8_t *code, size_t bytes, int (*visit)(const struct mpk_scan_hit *, void *), void *context);
/* The same into an array of room elements (at least one): fills it from *from on (0 at
 * first) and returns how many. post: *from is where to go on; bytes when that was all. */
size_t mpk_scan_list(const uint8_t *code, size_t bytes, size_t *from, struct mpk_scan_hit *hits, size_t room);
/* "WRPKRU"; never NULL. */
const char *mpk_gadget_name(uint32_t gadget);

#ifdef __cplusplus
}
#endif
#endif
