/* pages.c - see pages.h. */
#include "pages.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "mpk.h"
#include "naive.h"
#include "policy.h"

#define TRIES 4096 /* the heap may have other free pages, which come first */

static void tag(void *address, size_t bytes, int key) {
    if (target.pku && syscall(SYS_pkey_mprotect, address, bytes, PROT_READ | PROT_WRITE, key))
        trouble("pkey_mprotect of a bare page: %s", strerror(errno));
}

static void place_secret(volatile unsigned char *page) {
    for (int i = 0; i < SECRET_BYTES; i++) page[i] = target.secret[i];
    target.secret = page;
}

int pages_share_with_file(int count) {
    if (!target.undefended) return -1;
    size_t bytes = (size_t)count * PAGE_BYTES;
    int fd = (int)syscall(SYS_memfd_create, "domain", 0);
    if (fd < 0 || ftruncate(fd, (off_t)bytes)) trouble("no memory file: %s", strerror(errno));
    unsigned char *fresh = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fresh == MAP_FAILED) trouble("no shared mapping: %s", strerror(errno));
    tag(fresh, bytes, target.key);
    memcpy(fresh, (void *)target.base, bytes);
    if (mremap(fresh, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)target.base) == MAP_FAILED)
        trouble("mremap: %s", strerror(errno));
    return fd;
}

void *pages_lend(void) {
    if (target.undefended) {
        void *page = naive_new_page();
        tag(page, PAGE_BYTES, 0);
        return page;
    }
    mpk_domain *host = mpk_host(NULL);
    void *page = mpk_heap_alloc(host, PAGE_BYTES, PAGE_BYTES);
    if (!page) trouble("mpk_heap_alloc gave no page");
    memset(page, 0, PAGE_BYTES);
    return mpk_heap_share(host, (uintptr_t)page) ? NULL : page;
}

int pages_take_back(void *page) {
    if (target.undefended) {
        tag(page, PAGE_BYTES, target.key);
        place_secret(page);
        return 0;
    }
    mpk_heap_free(mpk_host(NULL), page);
    for (int i = 0; i < TRIES; i++) {
        unsigned char *again = mpk_heap_alloc(mpk_host(NULL), PAGE_BYTES, PAGE_BYTES);
        if (again != page) continue;
        place_secret(again);
        return 0;
    }
    return -1;
}
