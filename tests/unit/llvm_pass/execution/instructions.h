/* instructions.h - the forms of instructions.c, instructions.ll, operations.ll and coroutine.cpp.
 *
 * Each form works on exactly `bytes` bytes at p, in a way that gives the same whatever
 * memory that is, and leaves its results in p and out. The same sources are compiled a
 * second time with PLAIN defined, not rewritten: that build says what is right.
 */
#ifndef INSTRUCTIONS_H
#define INSTRUCTIONS_H

#ifdef PLAIN
#define NAMED(name) plain_##name
#else
#define NAMED(name) form_##name
#endif

enum form_kind {
    CHECKED, /* works on every lease; one byte too many and a dead lease are violations */
    ATOMIC,  /* as CHECKED, but too far means by up to 8 bytes: it must stay aligned */
    PINNED,  /* works on raw memory and mapped leases; a private one ends the process */
    TRAPS,   /* not rewritten, and reported: a pseudo-pointer traps */
};
struct form {
    const char *name;
    void (*run)(void *p, void *out);
    unsigned long bytes;
    enum form_kind kind;
};

#define FORMS(F)                                                                                        \
    /* instructions.c */                                                                                \
    F(copied_argument, 48, CHECKED) F(argument_list, 48, CHECKED) F(jump_buffer, 200, CHECKED)          \
    F(builtin_jump, 40, CHECKED) F(assembly_update, 4, CHECKED) F(assembly_wide, 16, CHECKED)           \
    F(assembly_locked, 4, PINNED) F(assembly_register, 4, TRAPS) F(processor_state, 512, CHECKED)       \
    F(computed_goto, 16, CHECKED) F(assembly_goto, 4, CHECKED) F(thread_local, 4, CHECKED)              \
    F(integers, 16, CHECKED) F(tail, 4, CHECKED) F(inline_blocks, 24, CHECKED) F(hints, 4, CHECKED)     \
    F(coroutine, 12, CHECKED)                                                                           \
    /* instructions.ll */                                                                               \
    F(i24, 3, CHECKED) F(i40, 5, CHECKED) F(i65, 9, CHECKED) F(i256, 32, CHECKED) F(half, 2, CHECKED)   \
    F(fp128, 16, CHECKED) F(fp80, 10, CHECKED) F(pair, 8, CHECKED) F(array, 6, CHECKED)                 \
    F(bits, 1, CHECKED) F(bytes, 3, CHECKED) F(markers, 4, CHECKED) F(fences, 4, CHECKED)               \
    F(atomic_float, 8, ATOMIC) F(fadd, 4, ATOMIC) F(fsub, 8, ATOMIC) F(fmax, 4, ATOMIC)             \
    F(fmin, 8, ATOMIC) F(fmaximum, 4, ATOMIC) F(fminimum, 8, ATOMIC) F(uinc_wrap, 2, ATOMIC)        \
    F(udec_wrap, 1, ATOMIC) F(usub_cond, 4, ATOMIC) F(usub_sat, 8, ATOMIC) F(wide_atomic, 16, PINNED) \
    F(masked_load, 12, CHECKED) F(masked_load_all, 16, CHECKED) F(masked_store, 12, CHECKED)            \
    F(masked_store_all, 16, CHECKED) F(masked_doubles, 24, CHECKED) F(masked_none, 1, CHECKED)          \
    F(expand, 8, CHECKED) F(expand_all, 16, CHECKED) F(compress, 8, CHECKED) F(gather, 8, CHECKED)      \
    F(gather_all, 16, CHECKED) F(gather_mixed, 8, CHECKED) F(scatter, 8, CHECKED)                       \
    F(scatter_all, 16, CHECKED) F(vp_load, 12, CHECKED) F(vp_store, 12, CHECKED)                        \
    F(vp_gather, 12, CHECKED) F(vp_scatter, 12, CHECKED) F(strided_load, 28, CHECKED)                   \
    F(strided_store, 28, CHECKED) F(avx_load, 12, CHECKED) F(avx_store, 12, CHECKED)                    \
    F(avx2_load, 24, CHECKED) F(avx2_gather, 8, CHECKED) F(avx2_gather_few, 12, CHECKED)                   \
    F(byte_mask, 10, CHECKED) F(unaligned_vector, 16, CHECKED)                \
    F(control_word, 4, CHECKED) F(element_copy, 16, ATOMIC) F(element_move, 16, ATOMIC)               \
    F(element_set, 16, ATOMIC) F(pattern, 12, CHECKED) F(relative, 8, CHECKED) F(va_arg, 24, CHECKED)  \
    F(space, 8, CHECKED) F(segment, 4, TRAPS) F(histogram, 4, TRAPS) F(xsave, 576, TRAPS) \
    /* operations.ll */                                                                                 \
    F(rmw_and, 1, ATOMIC) F(rmw_or, 2, ATOMIC) F(rmw_xor, 4, ATOMIC) F(rmw_sub, 8, ATOMIC)              \
    F(rmw_max, 1, ATOMIC) F(rmw_min, 2, ATOMIC) F(rmw_umax, 4, ATOMIC) F(rmw_umin, 8, ATOMIC)           \
    F(rmw_nand, 4, ATOMIC) F(rmw_exchange, 4, ATOMIC) F(weak_exchange, 2, ATOMIC)                       \
    F(nested, 16, CHECKED) F(wide_vector, 64, CHECKED) F(constant_address, 4, CHECKED)                  \
    F(thread_local_pointer, 4, CHECKED) F(masked_pointer, 16, ATOMIC) F(compared, 8, CHECKED)           \
    F(no_length, 4, CHECKED) F(returned_in_memory, 12, CHECKED) F(lifetimes, 4, CHECKED)                \
    F(odd_elements, 12, TRAPS) F(assembly_goto_memory, 4, TRAPS) F(narrow_space, 4, TRAPS)              \
    F(jump_with_copy, 24, TRAPS) F(flush, 4, TRAPS)

#endif
