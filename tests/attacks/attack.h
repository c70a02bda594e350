/* attack.h - what an attack program is and what it may use.
 *
 * Each row of the catalogue is one program; each clause of the row is a *variant*,
 * an entry of the program's attacks[]. One run is one variant under one policy in
 * a process of its own (harness.h). The harness makes a domain, writes a random
 * secret into it, closes it as the policy says, and calls attack() as foreign code.
 *
 * The verdict comes from bytes only: *leaked* when the attack handed in a word of
 * the secret, *changed* when the host afterwards finds something else in its place.
 * Anything else is *stopped*, with what stopped it, or *harmless*: nothing stopped
 * the attack and nothing came of it.
 *
 * An attack is honest code of ours: it hands in what it read and says which call was
 * refused. It may use everything below; it must not look for the secret elsewhere
 * than in the domain (or where its row says that the host leaves it).
 */
#ifndef ATTACK_H
#define ATTACK_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#define SECRET_BYTES 64
#define PAGE_BYTES 4096

/* What the attacker knows: everything but the secret. */
struct target {
    volatile unsigned char *secret; /* SECRET_BYTES at the start of a page of their own, inside the domain */
    uintptr_t base;                 /* the domain's range */
    size_t bytes;
    int pku;                        /* backend: 1 pku, 0 mprotect */
    int key;                        /* the domain's; 0 on mprotect */
    int undefended;                 /* bare gates, no runtime */
    void **return_slot;             /* where the host function that calls us keeps its return address */
    volatile int host_works;        /* 1 while the host uses its secret, between attack() and again() */
    int before_start;               /* ATTACK_BEFORE_START */
    volatile int enough;            /* set by the attack: the host need not work any longer */
    uintptr_t host_code;            /* the function that does so */
    size_t host_code_bytes;
};
extern struct target target;

enum attack_flags {
    ATTACK_CONTROL = 1 << 0,      /* must fail by itself, undefended too */
    ATTACK_HOST_WORKS = 1 << 1,   /* the host computes with its secret, rights open, before again() */
    ATTACK_HOST_WAITS = 1 << 7,   /* with that: until the attack says enough, or for three seconds */
    ATTACK_EARLY_THREAD = 1 << 2, /* the attacking thread is older than the policy */
    ATTACK_NEW_SECRET = 1 << 3,   /* before again() the host moves its secret to memory new in the domain */
    ATTACK_BEFORE_START = 1 << 6, /* it comes before the runtime, whose refusal to start is a defence */
    ATTACK_ERASE = 1 << 4,        /* before again() the host overwrites its secret, and expects zeros afterwards */
    ATTACK_LEFTOVERS = 1 << 5,    /* the host calls with the secret in its registers and its own frame */
};

struct attack {
    const char *variant;
    /* Each may be NULL but attack. In order, all in one process: */
    /* Before the domain, the runtime and the policy exist; twice where the runtime starts the program anew. */
    void (*prepare)(void);
    void (*while_open)(void); /* the domain is open to this thread; the policy is not applied yet */
    void (*attack)(void);     /* foreign code */
    void (*host)(void);       /* host code, rights open, between the two: what this row has the host do */
    void (*again)(void);      /* foreign code once more */
    unsigned flags;           /* enum attack_flags */
};
extern const struct attack attacks[]; /* ends with an empty entry */

/* What was read out of the domain. No system call; keeps the first 8 KiB. */
void attack_hand_in(const void *bytes, size_t count);
/* Reads the secret through its address and hands it in. */
void attack_read(void);
/* Overwrites the secret through its address. */
void attack_write(void);
/* Which call the kernel (or libc) refused; the first one counts. */
void attack_refused(const char *call, int error);
/* Evaluates a call that returns -1 on failure; a refused one ends the attack. */
#define TRY(call, value)                                 \
    __extension__({                                      \
        long try_result = (long)(value);                 \
        if (try_result == -1) {                          \
            attack_refused(call, errno);                 \
            return;                                      \
        }                                                \
        try_result;                                      \
    })

/* The backend's own way to change rights, as foreign code has it: WRPKRU with 0, or
 * mprotect. In code that attack_map_opener (a prepare()) has mapped. Returns 0, or -1
 * with errno. */
void attack_map_opener(void);
int attack_open_by_own_means(void);

#endif
