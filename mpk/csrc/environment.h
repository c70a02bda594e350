/* environment.h - what the GALEED_* variables ask for. */
#ifndef GALEED_MPK_ENVIRONMENT_H
#define GALEED_MPK_ENVIRONMENT_H

#include "internal.h"
#include "mpk_harden.h"
#include "mpk_sites.h"

struct environment {
    enum mpk_backend backend; /* MPK_BACKEND_NONE: auto */
    enum mpk_rights foreign_rights;
    enum mpk_policy policy;
    uint32_t heap_parts;      /* enum mpk_heap_part */
    enum mpk_on_trap on_trap;
    enum mpk_site_level sites;
    int report_fd;            /* -1: no report file */
    int profile_fd;           /* likewise */
    struct mpk_harden_policy harden; /* what mpk_harden will be asked for */
    size_t harden_bytes;
};
/* errors: EENVIRONMENT, explained. post on error: nothing is left open. */
int _mpk_environment_read(struct environment *out);

#endif
