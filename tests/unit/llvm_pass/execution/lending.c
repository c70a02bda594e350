/* Two structures; a policy or a profile says which of them the host lends. */
struct inner { int number; };
struct lent { int number; struct inner inside; int *further; };
struct owned { int number; struct lent *back; };

int touch_lent(struct lent *it) {
    it->number += 1;
    it->inside.number += 2;
    *it->further += 3;
    return it->number + it->inside.number + *it->further;
}

int touch_beyond(struct lent *it, void (*between)(struct lent *)) {
    it->number += 1;
    between(it);
    it->number += 1;
    return it[1].number;
}

int touch_owned(struct owned *it) {
    it->number += 1;
    return it->number;
}

/* A pointer that is typed to point to `owned`, in memory that is C's own. */
static struct { struct owned *kept; } table;

void keep_owned(struct owned *it) { table.kept = it; }

int touch_bytes_of_owned(void) {
    unsigned char *bytes = (unsigned char *)table.kept;
    return bytes[0];
}
