/* code_place.h - what stands at an address in code: object, function, instruction.
 *
 * Source: [gABI], [LSB 10.6] (.eh_frame, .eh_frame_hdr).
 */
#ifndef GALEED_MPK_CODE_PLACE_H
#define GALEED_MPK_CODE_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Code that is looked at: bytes, which may be a copy, and where they run. */
struct code_view {
    const uint8_t *bytes;
    uintptr_t start;
    size_t count;
};
struct code_place {
    char object[112];         /* "the program", a path (its end), or "" */
    bool loader;              /* the dynamic loader's */
    const char *symbol;       /* exported, and covers the address; NULL none */
    uintptr_t object_base;
    uintptr_t function;       /* first byte, from the unwind tables; 0 unknown */
    uintptr_t instruction;    /* that holds the address, walking from there; 0 unknown */
    unsigned length;          /* of that instruction */
};
/* Walks the function's instructions in the view. What cannot be had is 0 or "". */
void _mpk_code_place(const struct code_view *view, uintptr_t address, struct code_place *out);

#endif
