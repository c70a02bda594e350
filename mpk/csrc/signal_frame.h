/* signal_frame.h - what a signal frame says about the interrupted code, and
 * changes to what it will continue with.
 *
 * Source: [SDM 1 13.5.7] and the kernel's layout of the frame: the XSAVE area's
 * software bytes (magic, size, features) precede its header.
 */
#ifndef GALEED_MPK_SIGNAL_FRAME_H
#define GALEED_MPK_SIGNAL_FRAME_H

#include <stdbool.h>
#include <stdint.h>

struct memory_operand {
    bool found;
    uint64_t address;    /* base + index * scale + displacement, as the CPU computes it */
    uint32_t access;     /* enum mpk_access; 0: not told by this instruction's form */
};

/* PKRU of the interrupted code. false: the frame does not hold it. */
bool _mpk_frame_pkru(void *context, uint32_t *value);
/* The same to write. pre: _mpk_frame_pkru is true. */
void _mpk_frame_set_pkru(void *context, uint32_t value);
uint64_t _mpk_frame_pc(const void *context);
/* From the page fault's error code: enum mpk_access. */
uint32_t _mpk_frame_access(const void *context);
/* Trap numbers 12 and 13: what a non-canonical address raises. */
bool _mpk_frame_is_address_trap(const void *context);
/* The memory operand of the instruction at pc, or else any register that holds a
 * value with the tag in its two top bits. */
struct memory_operand _mpk_frame_tagged_operand(const void *context, uint64_t tag_shift, uint64_t tag);
/* All registers, by the number that instructions use; returns the flags. And back. */
uint64_t _mpk_frame_get(const void *context, uint64_t *registers);
void _mpk_frame_put(void *context, const uint64_t *registers, uint64_t pc, uint64_t flags);
/* Where its XSAVE area is. 0: it has none. */
uintptr_t _mpk_frame_vectors(const void *context);

/* signal_vectors.c. start.c: asks the CPU for the layout, which takes long in a virtual machine. */
struct xsave_part;
void _mpk_xsave_learn(struct xsave_part *parts);
/* How long the area is, by its own word. 0: it is the short one without a header. */
uint32_t _mpk_xsave_bytes(const uint8_t *area);
/* A vector register, 64 bytes, and a mask register. limit: bytes of the area; nothing is
 * touched behind them, whatever the area itself says. What it does not hold is zero, or dropped. */
void _mpk_xsave_get(const uint8_t *area, uint32_t limit, uint32_t number, uint8_t *bytes);
void _mpk_xsave_set(uint8_t *area, uint32_t limit, uint32_t number, const uint8_t *bytes);
uint64_t _mpk_xsave_mask(const uint8_t *area, uint32_t limit, uint32_t number);

/* Continue at function(first, second) instead. */
void _mpk_frame_continue(void *context, uintptr_t function, uintptr_t first, uintptr_t second);

#endif
