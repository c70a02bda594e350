/* signalframe.h - PKRU in the image that the kernel saves and restores at a signal.
 *
 * Source: [SDM 1 13.4] layout of the XSAVE area; <asm/sigcontext.h>.
 */
#ifndef SIGNALFRAME_H
#define SIGNALFRAME_H

#include <cpuid.h>
#include <stdint.h>
#include <string.h>

#define XSAVE_HEADER 512 /* offset of XSTATE_BV */
#define XSAVE_PKRU 9     /* number of the component */

/* Sets the PKRU of an XSAVE image to 0: all keys open. */
static inline void signalframe_open(void *image) {
    uint32_t size, offset, ecx, edx;
    __cpuid_count(0xd, XSAVE_PKRU, size, offset, ecx, edx);
    if (size < sizeof(uint32_t)) return;
    memset((unsigned char *)image + offset, 0, sizeof(uint32_t));
    *(uint64_t *)(void *)((unsigned char *)image + XSAVE_HEADER) |= 1u << XSAVE_PKRU;
}

#endif
