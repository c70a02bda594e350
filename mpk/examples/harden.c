/* Hardening: what could open the domains again is taken from the whole process.
 *
 * Built as README.md says under *In C*.
 *
 *     ./harden            # strict?: all of the level that can be had here
 *     python -m mpk.hardening --policy full -- ./harden full
 *                         # pku; an error says what is missing. full? does without it
 *
 * Part stacks wants the host on a stack of its own, so that all is done inside
 * mpk_host_stack. Cannot be undone, and binds this program as well. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include "mpk.h"
#include "mpk_call.h"
#include "mpk_harden.h"

struct run { const char *words; int code; };

static int fail(const char *step, const char *why)
{
    fprintf(stderr, "%s: %s\n", step, why);
    return 1;
}

static int harden(const char *words)
{
    struct mpk_harden_policy policy;
    struct mpk_harden_report report;
    int error;
    if (mpk_harden_parse(words, &policy)) return fail(words, "no such policy");
    if ((error = mpk_harden(&policy, &report))) return fail(mpk_strerror(error), report.reason);

    printf("%s:", mpk_backend_name());
    for (uint32_t part = 1; part & MPK_HARDEN_ALL; part <<= 1) {
        if (report.applied & part) printf(" %s", mpk_harden_part_name(part));
        if (report.missing & part) printf(" (no %s)", mpk_harden_part_name(part));
    }
    printf("\n");
    if (report.reason[0]) printf("%s\n", report.reason);
    if (report.applied & MPK_HARDEN_LANDLOCK)
        printf("open(/etc/passwd): %s\n", open("/etc/passwd", O_RDONLY) < 0 ? strerror(errno) : "still works");
    return 0;
}

static void host(void *argument)
{
    struct run *run = argument;
    run->code = harden(run->words);
}

int main(int count, char **words)
{
    struct run run = {count > 1 ? words[1] : "strict?", 0};
    int error;
    if (!mpk_host(&error)) return fail("mpk_host", mpk_strerror(error)); /* what is to be protected */
    if (mpk_host_stack(0, host, &run)) host(&run); /* not on this kernel: stacks will be what is missing */
    return run.code;
}
