/* C4: other memory is put where the host has its secret. The host then believes what
 * foreign code wrote, or finds zeros.
 *
 * Source: [PKU Pitfalls], [mmap(2)], [mremap(2)], [shmat(2)].
 */
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>
#include "attack.h"

static const char planted[] = "planted in other memory";

static void *map_here(int flags) {
    return mmap((void *)target.secret, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

/* Where the domain's page was is nothing now. */
static void fill_hole(void) {
    void *page = map_here(MAP_FIXED_NOREPLACE);
    TRY("mmap", page == MAP_FAILED ? -1 : 0);
    memcpy(page, planted, sizeof planted);
}

static void fixed(void) {
    void *page = map_here(MAP_FIXED);
    TRY("mmap", page == MAP_FAILED ? -1 : 0);
    memcpy(page, planted, sizeof planted);
}

static void unmap(void) {
    TRY("munmap", munmap((void *)target.secret, PAGE_BYTES));
    fill_hole();
}

static void move(int flags) {
    void *aside = mremap((void *)target.secret, PAGE_BYTES, PAGE_BYTES, MREMAP_MAYMOVE | flags, NULL);
    TRY("mremap", aside == MAP_FAILED ? -1 : 0);
}

/* A plain mremap to the same length stays where it is: a place must be named. */
static void move_away(void) {
    void *aside = mmap(NULL, PAGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TRY("mmap", aside == MAP_FAILED ? -1 : 0);
    void *moved = mremap((void *)target.secret, PAGE_BYTES, PAGE_BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, aside);
    TRY("mremap", moved == MAP_FAILED ? -1 : 0);
    fill_hole();
}

static void move_pages(void) { move(MREMAP_DONTUNMAP); }

static void attach(void) {
    int id = (int)TRY("shmget", shmget(IPC_PRIVATE, PAGE_BYTES, IPC_CREAT | 0600));
    void *page = shmat(id, (void *)target.secret, SHM_REMAP);
    int error = errno;
    shmctl(id, IPC_RMID, NULL); /* it lives while it is attached */
    errno = error;
    TRY("shmat", page == (void *)-1 ? -1 : 0);
    memcpy(page, planted, sizeof planted);
}

const struct attack attacks[] = {
    {.variant = "map-fixed", .attack = fixed},
    {.variant = "munmap", .attack = unmap},
    {.variant = "mremap", .attack = move_away},
    {.variant = "dontunmap", .attack = move_pages},
    {.variant = "shm-remap", .attack = attach},
    {0},
};
