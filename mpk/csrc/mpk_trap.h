/* mpk_trap.h - faults of foreign code on non-canonical addresses, offered to the layer above
 * before they are a violation: GALEED_ON_TRAP=serve. With serve-raw also those on raw addresses in
 * the host domain.
 *
 * The layer above (the *server*) knows what such an address stands for. It is shown the
 * registers and the instruction's bytes, and says how the instruction is to be performed:
 * it has done so itself, or the thread performs it, with foreign rights, on memory
 * that foreign code may touch anyway (the *window*). The server never runs an instruction
 * of foreign code, and foreign code never runs with the server's rights.
 *
 * Invariant: what a server must believe (struct mpk_trap) lies in the published range. The
 * bytes of the instruction are copied once and decoded from the copy: who changes them
 * afterwards has the thread perform another instruction, with foreign rights, on registers
 * that are foreign code's or point into the window.
 *
 * Only foreign code is served, by the thread's record, and only while its rights are closed.
 * Not served: host code; under parts SIGNALS and STACKS of mpk_harden, nobody.
 */
#ifndef GALEED_MPK_TRAP_H
#define GALEED_MPK_TRAP_H

#include "mpk.h"

#ifdef __cplusplus
extern "C" {
#endif

enum mpk_on_trap {
    MPK_ON_TRAP_REFUSE = 0,
    MPK_ON_TRAP_SERVE = 1,     /* pseudo-pointers */
    MPK_ON_TRAP_SERVE_RAW = 2, /* and raw addresses in the host domain, which the server may know as lent */
};

/* Why the server is asked. */
enum mpk_trap_phase {
    MPK_TRAP_FAULTED = 0, /* a new fault */
    MPK_TRAP_ENDED = 1,   /* what it asked the thread to perform was performed */
    MPK_TRAP_STOPPED = 2, /* another fault came first: put the registers back */
    MPK_TRAP_REPORTED = 3 /* its violation was reported, and policy report lets the program go on */
};
/* What it answers. To STOPPED: anything. */
enum mpk_trap_verdict {
    MPK_TRAP_DECLINE = 0,  /* none of its business: the fault is what it is without a server */
    MPK_TRAP_CONTINUE = 1, /* performed: go on with these registers at this pc */
    MPK_TRAP_STEP = 2,     /* perform the one instruction at pc with these registers, then ask again */
    MPK_TRAP_MOVE = 3,     /* perform REP MOVS of trap.element bytes with these registers, then ask again */
    MPK_TRAP_VIOLATE = 4,  /* trap.violation says why not */
    MPK_TRAP_MORE_CODE = 5 /* the instruction goes on behind code_bytes: ask again with more */
};

#define MPK_TRAP_CODE_BYTES 15
#define MPK_TRAP_WINDOW_BYTES 8192

/* One per thread. */
struct mpk_trap {
    uint64_t registers[16]; /* by the numbers that instructions use */
    uint64_t pc;
    uint64_t flags;         /* RFLAGS */
    uint64_t window;        /* this thread's: MPK_TRAP_WINDOW_BYTES on whole pages, open to foreign code */
    uint32_t phase;         /* enum mpk_trap_phase */
    uint32_t element;       /* MPK_TRAP_MOVE: 1, 2, 4 or 8 */
    uint32_t code_bytes;
    uint8_t code[20];       /* MPK_TRAP_CODE_BYTES of them at most */
    struct mpk_violation violation;
    uint64_t keep[160];     /* the server's own, from one phase to the next */
    uint64_t context;       /* from here on the runtime's own */
    uint64_t vectors;       /* the XSAVE area in the signal frame */
    uint64_t signals;       /* blocked by the interrupted code */
    uint64_t origin;        /* the instruction's pc */
    uint64_t stack;         /* where the server's begins; inside the host domain */
    uint32_t vector_bytes;
    uint32_t running;       /* enum mpk_trap_verdict: what the thread performs for the server; 0 nothing */
    int32_t thread;         /* whose run it is */
};

/* The vector register of that number in the interrupted code, all 64 bytes; what the CPU does not
 * have is zero, and dropped. pre: called by the server. number < 32. */
void mpk_trap_vector_get(const struct mpk_trap *trap, uint32_t number, uint8_t *bytes);
void mpk_trap_vector_set(const struct mpk_trap *trap, uint32_t number, const uint8_t *bytes);
uint64_t mpk_trap_mask_get(const struct mpk_trap *trap, uint32_t number); /* k0 to k7 */

/* Who serves. It is called in a signal handler, with host rights, on a stack of 1 MiB. It
 * takes no lock that foreign code can hold, does not allocate, and returns.
 * NULL: nobody. pre: started. */
void mpk_set_trap_server(enum mpk_trap_verdict (*server)(struct mpk_trap *trap));
enum mpk_on_trap mpk_on_trap(void); /* GALEED_ON_TRAP; pre: started */
/* GALEED_PROFILE, opened for appending; -1: none. pre: started. */
int mpk_profile_fd(void);

#ifdef __cplusplus
}
#endif
#endif
