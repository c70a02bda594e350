/* record.h - finding the calling thread's record, short enough for a gate.
 *
 * A thread is known by its FS base, read from the register. The thread pointer
 * that compilers use (%fs:0) is memory which foreign code can write; the
 * register is not, short of WRFSBASE or arch_prctl (THREAT_MODEL.md).
 *
 * Records form an open-addressed hash table. A slot that was used once never
 * becomes empty again (0), only vacant or lost, so that a probe may stop at 0.
 *
 * Source: [SDM 2, RDFSBASE]; the multiplier is 2^64 divided by the golden ratio.
 */
#ifndef GALEED_MPK_RECORD_H
#define GALEED_MPK_RECORD_H

#include "internal.h"

#define RECORD_VACANT 1 /* fs_base of a slot whose thread ended */
#define RECORD_LOST 2   /* of a thread that fork left behind: its caches may be torn */

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

static inline uintptr_t _mpk_fs_base(void) {
    uintptr_t base;
    __asm__ volatile("rdfsbase %0" : "=r"(base));
    return base;
}

static inline uint32_t _mpk_record_first(uintptr_t fs_base) {
    return (uint32_t)(((uint64_t)(fs_base >> 6) * 0x9E3779B97F4A7C15u) >> 52); /* 12 bits: MPK_THREADS */
}
_Static_assert(MPK_THREADS == 1 << 12, "the hash gives twelve bits");

static inline struct thread_record *_mpk_record_at(uint32_t slot) {
    return (struct thread_record *)(MPK_PUBLISHED_BASE + MPK_RECORDS_OFFSET +
                                    (uintptr_t)slot * MPK_RECORD_BYTES);
}

/* Set before the record is; never taken back. */
static inline bool _mpk_record_was_used(uint32_t slot) {
    return atomic_load(&MPK_RUNTIME->record_slots[slot / 64]) >> slot % 64 & 1;
}

/* A guess, where foreign code can write it: an address inside the calling thread's record;
 * gates leave the place of its next frame. A thread-local word is one load, while to hash
 * what RDFSBASE says takes a dozen cycles before the first load can begin. Whatever
 * foreign code writes there, what comes of it is a whole record of the table or none;
 * whose it is, the register or a token decides. */
extern _Thread_local uintptr_t _mpk_record_guess __attribute__((tls_model("initial-exec"), visibility("hidden")));
#define MPK_RECORDS_BASE (MPK_PUBLISHED_BASE + MPK_RECORDS_OFFSET)

/* Read once, as another thread may write it meanwhile. */
static inline uintptr_t _mpk_guess(void) { return *(volatile uintptr_t *)&_mpk_record_guess; }
static inline bool _mpk_guess_is_in_a_record(uintptr_t guess) {
    return likely(guess - MPK_RECORDS_BASE < (uintptr_t)MPK_THREADS * MPK_RECORD_BYTES);
}
static inline struct thread_record *_mpk_record_around(uintptr_t address) {
    return (struct thread_record *)(address & ~(uintptr_t)(MPK_RECORD_BYTES - 1));
}
_Static_assert(MPK_RECORDS_BASE % MPK_RECORD_BYTES == 0, "records are aligned to their size");

/* NULL: this thread has none. pre: started; the published range is readable. Any FS base
 * will do: foreign code can make it 0 by a null selector, which is no free record's. */
static inline struct thread_record *_mpk_record_of(uintptr_t fs_base) {
    uint32_t slot = _mpk_record_first(fs_base);
    for (uint32_t probes = 0; probes < MPK_THREADS; probes++) {
        struct thread_record *record = _mpk_record_at(slot);
        uintptr_t found = atomic_load_explicit(&record->fs_base, memory_order_relaxed);
        if (likely(found == fs_base)) return likely(fs_base > RECORD_LOST) ? record : NULL;
        if (found == 0) return NULL;
        slot = (slot + 1) % MPK_THREADS;
    }
    return NULL;
}

/* Is the thread in foreign code, by its record alone? */
static inline bool _mpk_record_is_foreign(const struct thread_record *record) {
    return record->depth ? (record->frames[record->depth - 1].kind & FRAME_FOREIGN) != 0
                         : record->born_foreign != 0;
}

/* thread.c: the record with the bounds of the thread's stack in it, and the
 * fault handler installed: what a first gate needs. pre: host rights. */
struct thread_record *_mpk_thread_for_gate(void);
/* thread.c: makes a record for a thread that foreign code created, which calls
 * back. pre: published range writable. */
struct thread_record *_mpk_thread_born_foreign(void);
/* thread.c: kernel id. */
int32_t _mpk_thread_id(void);
/* thread.c: may a thread without a record be granted host rights? Only those
 * that existed before the keys did. */
bool _mpk_thread_is_older(int32_t thread_id);
/* thread.c: notes them. pre: no foreign code has run yet. Returns how many
 * threads the process has. */
int _mpk_threads_note_older(void);
/* thread.c: the same, noting nothing. 1 where there is no /proc to ask. */
int _mpk_threads_count(void);
/* thread.c: start-up. */
int _mpk_threads_start(void);
/* fork.c's handlers, as far as threads go. */
void _mpk_threads_fork_prepare(void);
void _mpk_threads_fork_parent(void);
void _mpk_threads_fork_child(void);

#endif
