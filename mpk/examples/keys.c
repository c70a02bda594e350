/* libmpk's interface on a stock kernel: a thousand page groups, each under a virtual key.
 *
 * Built as README.md says under *In C*; run without arguments.
 *
 * Every int >= 0 may be a virtual key; the CPU has 15 keys, or none. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include "mpk.h"
#include "mpk_keys.h"

#define KEYS 1000

static int fail(const char *step, int error)
{
    fprintf(stderr, "%s: %s\n", step, mpk_strerror(error));
    return 1;
}

int main(void)
{
    const int rw = PROT_READ | PROT_WRITE;
    char *page[KEYS];
    int error = mpk_init(-1);
    if (error) return fail("mpk_init", error);

    for (int vkey = 0; vkey < KEYS; vkey++) {
        page[vkey] = mpk_mmap(vkey, NULL, MPK_PAGE_BYTES, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page[vkey] == MAP_FAILED) return fail("mpk_mmap", *mpk_keys_error());
        if ((error = mpk_begin(vkey, rw))) return fail("mpk_begin", error); /* this thread only */
        snprintf(page[vkey], MPK_PAGE_BYTES, "group %d", vkey);
        if ((error = mpk_end(vkey))) return fail("mpk_end", error); /* closed again */
    }

    if ((error = mpk_mprotect(7, PROT_READ))) return fail("mpk_mprotect", error); /* all threads */
    printf("%s: every thread reads \"%s\"\n", mpk_backend_name(), page[7]);

    /* A group may be a heap: secrets of one kind under one key. */
    if ((error = mpk_begin(8, rw))) return fail("mpk_begin", error);
    char *key = mpk_malloc(8, 32);
    if (!key) return fail("mpk_malloc", *mpk_keys_error());
    memset(key, 0x5a, 32);
    if ((error = mpk_free(8, key)) || (error = mpk_end(8))) return fail("mpk_free", error);

    struct mpk_keys_stats stats;
    mpk_keys_statistics(&stats);
    printf("%u groups, %u hardware keys, %llu evictions\n", stats.groups, stats.keys,
           (unsigned long long)stats.evictions);
    for (int vkey = 0; vkey < KEYS; vkey++)
        if ((error = mpk_munmap(vkey))) return fail("mpk_munmap", error);
    return 0;
}
