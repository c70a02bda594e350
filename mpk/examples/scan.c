/* The gadget scanner as a function: which bytes of this code could change rights?
 *
 * Built as README.md says under *In C*; run without arguments.
 *
 * For files and processes: galeed-probe --scan FILE|PID. */
#include <stdio.h>
#include "mpk_scan.h"

static int show(const struct mpk_scan_hit *hit, void *context)
{
    (void)context;
    printf("%s at %zu, %u bytes\n", mpk_gadget_name(hit->gadget), hit->offset, (unsigned)hit->bytes);
    return 0; /* go on */
}

int main(void)
{
    /* mov eax, 0xef010f90; ret: a WRPKRU that no compiler meant. */
    static const unsigned char code[] = {0xb8, 0x90, 0x0f, 0x01, 0xef, 0xc3};
    return mpk_scan(code, sizeof code, show, NULL);
}
