/* What the server's tasks have done in C: a session per connection, bytes in and out. */
#include <stddef.h>
#include <stdint.h>

struct session {
    uint64_t requests;
    uint32_t hash;
    void *owner; /* for `report`; Rust's, C only carries it */
    void (*report)(void *owner, uint32_t hash);
};

/* Turns each byte, hashes what came (FNV-1a), tells the owner. Returns the session's count. */
uint64_t session_work(struct session *session, const uint8_t *in, uint8_t *out, size_t bytes, uint8_t turn) {
    uint32_t hash = 2166136261u;
    for (size_t at = 0; at < bytes; at++) hash = (hash ^ in[at]) * 16777619u;
    for (size_t at = 0; at < bytes; at++) out[at] = (uint8_t)(in[at] + turn);
    session->hash = hash;
    session->report(session->owner, hash);
    return ++session->requests;
}

/* The bug: one byte more than it was given. */
void session_overflow(uint8_t *out, size_t bytes) {
    for (size_t at = 0; at <= bytes; at++) out[at] = 0xff;
}
