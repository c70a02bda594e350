/* harden_policy.c - names, levels and the text form of a hardening policy.
 *
 * Invariant: a policy that comes out of here has optional within parts.
 * Attacker: none; pure functions.
 */
#include <string.h>
#include "harden.h"
#include "record.h"

struct word { const char *name; uint32_t parts; };

#define BASIC (MPK_HARDEN_DUMP | MPK_HARDEN_DEPUTY)
#define STRICT (BASIC | MPK_HARDEN_SEAL | MPK_HARDEN_LANDLOCK | MPK_HARDEN_SYSCALLS | MPK_HARDEN_CODE)

static const struct word levels[] = {
    [MPK_HARDEN_NONE] = {"none", 0},
    [MPK_HARDEN_BASIC] = {"basic", BASIC},
    [MPK_HARDEN_STRICT] = {"strict", STRICT},
    [MPK_HARDEN_FULL] = {"full", MPK_HARDEN_ALL},
};
static const struct word parts[] = {
    {"dump", MPK_HARDEN_DUMP},         {"secretmem", MPK_HARDEN_SECRETMEM}, {"seal", MPK_HARDEN_SEAL},
    {"landlock", MPK_HARDEN_LANDLOCK}, {"syscalls", MPK_HARDEN_SYSCALLS},   {"signals", MPK_HARDEN_SIGNALS},
    {"rseq", MPK_HARDEN_RSEQ},         {"code", MPK_HARDEN_CODE},           {"stacks", MPK_HARDEN_STACKS},
    {"fork", MPK_HARDEN_FORK},         {"deputy", MPK_HARDEN_DEPUTY},
};
#define COUNT(array) (sizeof(array) / sizeof *(array))
_Static_assert((1 << COUNT(parts)) - 1 == MPK_HARDEN_ALL, "a part has no name");

const char *mpk_harden_part_name(uint32_t part) {
    for (size_t i = 0; i < COUNT(parts); i++)
        if (parts[i].parts == part) return parts[i].name;
    return NULL;
}

int mpk_harden_level(enum mpk_harden_level level, struct mpk_harden_policy *out) {
    if ((unsigned)level >= COUNT(levels) || !out) return MPK_EINVALID;
    *out = (struct mpk_harden_policy){levels[level].parts, 0};
    return 0;
}

static const struct word *find(const struct word *words, size_t count, const char *name, size_t length) {
    for (size_t i = 0; i < count; i++)
        if (strlen(words[i].name) == length && !memcmp(words[i].name, name, length)) return &words[i];
    return NULL;
}

int mpk_harden_parse(const char *text, struct mpk_harden_policy *out) {
    uint32_t demanded = 0, optional = 0;
    if (!text || !out) return MPK_EINVALID;
    for (;;) {
        size_t length = strcspn(text, ",");
        bool question = length && text[length - 1] == '?';
        const struct word *word = find(levels, COUNT(levels), text, length - question);
        if (!word) word = find(parts, COUNT(parts), text, length - question);
        if (!word) return MPK_EINVALID;
        *(question ? &optional : &demanded) |= word->parts;
        if (!text[length]) break;
        text += length + 1;
    }
    *out = (struct mpk_harden_policy){demanded | optional, optional & ~demanded};
    return 0;
}

uint32_t mpk_hardened(void) { return _mpk_started.started ? atomic_load(&MPK_RUNTIME->hardened) : 0; }
