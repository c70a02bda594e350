/* What can go wrong at the start. argv[1]: taken (the address range is somebody
 * else's), none (environment and limits are the caller's business). */
#define _GNU_SOURCE
#include <sys/mman.h>
#include "check.h"

int main(int count, char **arguments) {
    CHECK(count == 2);
    if (!strcmp(arguments[1], "taken-published") || !strcmp(arguments[1], "taken-host")) {
        uintptr_t at = !strcmp(arguments[1], "taken-host") ? MPK_HOST_BASE : MPK_PUBLISHED_BASE;
        CHECK(mmap((void *)(at + 4096), 4096, PROT_NONE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == (void *)(at + 4096));
    }
    if (!strcmp(arguments[1], "allocate")) {
        printf("%s\n", mpk_host_alloc(10, 1) ? mpk_backend_name() : "NULL");
        return 0;
    }
    int error;
    mpk_domain *host = mpk_host(&error);
    if (!host) {
        printf("%d: %s\n", error, mpk_strerror(error));
        return 3;
    }
    printf("%s: %s\n", mpk_backend_name(), mpk_backend_reason());
    CHECK(mpk_start() == 0 && mpk_host(NULL) == host);
    return 0;
}
