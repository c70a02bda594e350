/* B8: a page that foreign code puts into a pipe by reference while it may use it, and
 * that holds a secret later: the pipe shows what the page holds when it is read. Or
 * it does so before the policy is in force, which must not give such pages back then.
 *
 * Source: own trials; [vmsplice(2)].
 */
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>
#include "attack.h"
#include "pages.h"

static void *page;
static int ends[2], spliced;

static void splice_page(void) {
    struct iovec from = {page, SECRET_BYTES};
    *(volatile char *)page = 1; /* a page never written is the kernel's common zero page */
    TRY("pipe2", pipe2(ends, O_CLOEXEC | O_NONBLOCK));
    TRY("vmsplice", vmsplice(ends[1], &from, 1, 0));
    spliced = 1;
}

/* As in B7. */
static void lend(void) {
    page = pages_lend();
    if (!page) attack_refused("lend", EPERM);
    else if (target.undefended) splice_page();
}

static void lend_and_splice(void) {
    lend();
    if (page && !spliced) splice_page();
}

static void nothing(void) {}

static void splice_lent(void) {
    if (page && !spliced) splice_page();
}

static void take_back(void) {
    if (page) (void)pages_take_back(page);
}

static void read_pipe(void) {
    unsigned char bytes[SECRET_BYTES];
    if (!spliced) return;
    attack_hand_in(bytes, (size_t)TRY("read", read(ends[0], bytes, sizeof bytes)));
}

const struct attack attacks[] = {
    {.variant = "spliced", .while_open = lend, .attack = splice_lent, .host = take_back, .again = read_pipe},
    {.variant = "early", .while_open = lend_and_splice, .attack = nothing, .host = take_back, .again = read_pipe},
    {0},
};
