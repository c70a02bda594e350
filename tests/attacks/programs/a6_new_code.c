/* A6: code that nobody scanned, made after the policy: memory that is writable and
 * executable, or first the one and then the other, or both at two addresses, or
 * executable because the process says that whatever is readable is.
 *
 * The code does what the backend's rights are changed by: WRPKRU, or mprotect.
 *
 * Source: [PKU Pitfalls], [Hodor]; personality(2) for READ_IMPLIES_EXEC.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <unistd.h>
#include "attack.h"
#include "machinecode.h"

#define RW (PROT_READ | PROT_WRITE)
#define MAPPED(call, address) TRY(call, (address) == MAP_FAILED ? -1 : 0)

static void run(const void *code) {
    TRY("opener", machinecode_open(code));
    attack_read();
}

static void writable_and_executable(void) {
    void *code = mmap(NULL, PAGE_BYTES, RW | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MAPPED("mmap", code);
    machinecode_opener(code);
    run(code);
}

static void written_then_executable(void) {
    void *code = mmap(NULL, PAGE_BYTES, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MAPPED("mmap", code);
    machinecode_opener(code);
    TRY("mprotect", mprotect(code, PAGE_BYTES, PROT_READ | PROT_EXEC));
    run(code);
}

/* The same with the other call that changes protection. */
static void by_pkey_mprotect(void) {
    void *code = mmap(NULL, PAGE_BYTES, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MAPPED("mmap", code);
    machinecode_opener(code);
    TRY("pkey_mprotect", pkey_mprotect(code, PAGE_BYTES, PROT_READ | PROT_EXEC, target.pku ? 0 : -1));
    run(code);
}

static void memfd_alias(void) {
    int fd = (int)TRY("memfd_create", memfd_create("code", 0));
    TRY("ftruncate", ftruncate(fd, PAGE_BYTES));
    void *data = mmap(NULL, PAGE_BYTES, RW, MAP_SHARED, fd, 0);
    MAPPED("mmap", data);
    void *code = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    MAPPED("mmap", code);
    machinecode_opener(data);
    run(code);
}

static void read_implies_exec(void) {
    TRY("personality", personality(READ_IMPLIES_EXEC));
    void *code = mmap(NULL, PAGE_BYTES, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MAPPED("mmap", code);
    machinecode_opener(code);
    run(code);
}

const struct attack attacks[] = {
    {.variant = "rwx", .attack = writable_and_executable},
    {.variant = "rw-to-rx", .attack = written_then_executable},
    {.variant = "pkey-mprotect", .attack = by_pkey_mprotect},
    {.variant = "memfd-alias", .attack = memfd_alias},
    {.variant = "read-implies-exec", .attack = read_implies_exec},
    {0},
};
