/* pace.h - the clock of the measuring programs, and how fast the core runs by it.
 *
 * Cycles are the core's, by a chain of dependent multiplications, three cycles each on
 * Intel and AMD CPUs that have protection keys; the time stamp counter runs at another pace.
 */
#ifndef GALEED_EXPERIMENTS_PACE_H
#define GALEED_EXPERIMENTS_PACE_H

#include <stdint.h>
#include <time.h>

static inline double now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static inline double cycles_per_ns(void) {
    enum { LOOKS = 41, TURNS_EACH = 2000, IN_A_TURN = 16, CYCLES = 3 };
    double fastest = 0;
    for (int look = 0; look < LOOKS; look++) {
        uint64_t value = 3;
        double start = now_ns();
        for (int i = 0; i < TURNS_EACH; i++)
            __asm__ volatile(".rept %c1\n\timulq %0, %0\n\t.endr" : "+r"(value) : "i"(IN_A_TURN));
        double ns = now_ns() - start;
        if (fastest == 0 || ns < fastest) fastest = ns;
    }
    return (double)CYCLES * IN_A_TURN * TURNS_EACH / fastest;
}

#endif
