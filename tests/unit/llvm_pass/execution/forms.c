/* forms.c - one C function a form of access; the host checks what each of them did.
 *
 * Everything works on memory that the host lent. The loads and stores of each type
 * are checked for their exact size: a buffer of n bytes is fine, n - 1 is a violation.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef float float4 __attribute__((vector_size(16)));
typedef int int8v __attribute__((vector_size(32)));
struct three { char bytes[3]; };
struct pair { void *first, *second; };

#define FORM(name, type, size)                                     \
    uint64_t load_##name(const type *p) {                          \
        type value = *p;                                           \
        uint64_t words[4] = {0};                                   \
        memcpy(words, &value, size);                               \
        return words[0] ^ words[1] ^ words[2] ^ words[3];          \
    }                                                              \
    void store_##name(type *p, const type *value) { *p = *value; }
FORM(u8, uint8_t, 1)
FORM(u16, uint16_t, 2)
FORM(u32, uint32_t, 4)
FORM(u64, uint64_t, 8)
FORM(u128, unsigned __int128, 16)
FORM(f32, float, 4)
FORM(f64, double, 8)
FORM(f80, long double, 10)
FORM(v4, float4, 16)
FORM(v8, int8v, 32)
FORM(three, struct three, 3)

uint32_t volatile_add(volatile uint32_t *p) { *p += 1; return *p; }
void add_one(int *p, int n) { for (int i = 0; i < n; i++) p[i] += 1; }
uint64_t hash(const unsigned char *p, size_t n) {
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) sum = sum * 31 + p[i];
    return sum;
}
void fill(void *p, int byte, size_t n) { memset(p, byte, n); }
void copy(void *to, const void *from, size_t n) { memcpy(to, from, n); }
void slide(void *to, const void *from, size_t n) { memmove(to, from, n); }
void copy_own(void *to) { char own[40]; memset(own, 'x', sizeof own); memcpy(to, own, sizeof own); }

/* Atomics: every operation, every size. */
#define ATOMIC(name, type)                                                                          \
    type fetch_add_##name(type *p, type v) { return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST); }   \
    type fetch_nand_##name(type *p, type v) { return __atomic_fetch_nand(p, v, __ATOMIC_RELAXED); } \
    type exchange_##name(type *p, type v) { return __atomic_exchange_n(p, v, __ATOMIC_ACQ_REL); }   \
    int compare_##name(type *p, type old, type new) {                                               \
        return __atomic_compare_exchange_n(p, &old, new, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);    \
    }                                                                                               \
    type atomic_twice_##name(type *p) {                                                             \
        type v = __atomic_load_n(p, __ATOMIC_ACQUIRE);                                              \
        __atomic_store_n(p, (type)(v * 2), __ATOMIC_RELEASE);                                       \
        return v;                                                                                   \
    }
ATOMIC(8, uint8_t)
ATOMIC(16, uint16_t)
ATOMIC(32, uint32_t)
ATOMIC(64, uint64_t)
void *exchange_pointer(void **p, void *v) { return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST); }
int compare_pointer(void **p, void *old, void *new) {
    return __atomic_compare_exchange_n(p, &old, new, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* The membrane: pointers that are read from and written to the host's memory. */
struct node { struct node *next; int value; int (*call)(struct node *, int); };
int sum(struct node *n) {
    int s = 0;
    for (; n; n = n->next) {
        s += n->value;
        if (n->call) s += n->call(n, s);
    }
    return s;
}
struct node *last(struct node *n) { while (n->next) n = n->next; return n; }
void join(struct node *a, struct node *b) { a->next = b; }
void swap(struct pair *p) { void *t = p->first; p->first = p->second; p->second = t; }
void set_both(struct pair *p, void *value) { p->first = p->second = value; }
static struct node *kept;
void keep(struct node *n) { kept = n; }
int use_kept(void) { return kept->value; }

/* Merges of lent, own and static memory. */
static int fixed = 7;
int pick(int which, int *lent) {
    int own = 3, *p = which == 0 ? lent : which == 1 ? &own : &fixed;
    int *heap = malloc(sizeof *heap);
    *heap = 5;
    if (which == 3) p = heap;
    int result = *p;
    free(heap);
    return result;
}

/* Ways of passing. */
struct large { int numbers[10]; struct node *node; };
struct large by_value(struct large l) { l.numbers[3] = l.node->value; return l; }
struct slice { char *start; long length; };
struct slice rest(struct slice s) { s.start += 1; s.length -= 1; return s; }
int many(int a, int b, int c, int d, int e, int f, int g, const int *p, signed char h) {
    return a + b + c + d + e + f + g + *p + h;
}
static int total(int n, ...) {
    va_list list;
    int s = 0;
    va_start(list, n);
    while (n--) s += *va_arg(list, int *);
    va_end(list);
    return s;
}
int by_dots(int *p) { return total(3, p, p + 1, p + 2); }
static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
typedef int (*comparison)(const void *, const void *);
comparison get_compare(void) { return compare; }
struct node *through(struct node *(*f)(struct node *, double, struct large), struct node *n) {
    struct large l = {{1, 2, 3}, n};
    return f(n, 2.5, l)->next;
}
/* A structure with pointers in it that the host returns, and passes on. */
struct big { int *p; long n; int *q; double d; };
int through_big(struct big (*make)(struct big), int *p, long n) {
    struct big a = {p, n, p, 1}, b = make(a);
    return b.p[0] * 100 + *b.q + (int)b.n;
}
int with_dots(int (*f)(int, ...), int *p) { return f(3, p, p + 1, p + 2); }
int with_own_dots(int *p) { return with_dots(total, p); }
static int started;
__attribute__((constructor)) static void start(void) { started = 1; }
int was_started(void) { return started; }
