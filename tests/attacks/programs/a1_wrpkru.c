/* A1: a WRPKRU that no gate stands around. On mprotect, where rights are page
 * protection, the same in one system call.
 *
 * Source: [PKU Pitfalls 4], [ERIM 4.2].
 */
#include "attack.h"

static void stray(void) {
    TRY("mprotect", attack_open_by_own_means());
    attack_read();
}

const struct attack attacks[] = {
    {.variant = "stray", .attack = stray},
    {0},
};
