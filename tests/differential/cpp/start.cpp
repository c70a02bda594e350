// What runs before and after main: static objects, guards, inline variables, thread-local objects.
#include <cstdio>
#include <cstring>
#include <pthread.h>

namespace {
struct Noisy {
    char name[16];
    int number;
    Noisy(const char *n, int i) : number(i) { snprintf(name, sizeof name, "%s", n); printf("+%s %d\n", name, number); }
    Noisy(const Noisy &other) = delete;
    ~Noisy() { printf("-%s %d\n", name, number); }
};
int serial() { static int next = 10; return next++; }
Noisy first("first", serial());
Noisy second("second", first.number + serial());
int table[4] = {serial(), serial(), 3, 4};
int *into = &table[serial() & 3];

Noisy &guarded(int n) {
    static Noisy one("guarded", n);
    return one;
}
int tries;
int risky() {
    static int value = [] { if (++tries < 3) throw tries; return tries * 7; }();
    return value;
}
thread_local Noisy mine("thread's", 5);
thread_local int counter = 1;
thread_local int *where = &counter;

void *thread(void *argument) {
    mine.number += *static_cast<int *>(argument);
    *where += mine.number;
    *static_cast<int *>(argument) = counter;
    return argument;
}
} // namespace

struct Pool { int cells[8] = {1, 2, 3, 4, 5, 6, 7, 8}; int at = 2; };
inline Pool pool;
template <class T> struct Holder { static T held; };
template <class T> T Holder<T>::held = T(serial());
__attribute__((constructor)) static void early() { puts("constructor"); }
__attribute__((constructor(101))) static void earliest() { puts("constructor 101"); }
__attribute__((destructor)) static void late() { puts("destructor"); }

extern "C" int main() {
    puts("main");
    printf("%d %d %d\n", table[0], table[1], *into);
    printf("%d %d\n", guarded(1).number, guarded(2).number);
    for (int i = 0; i < 4; i++)
        try { printf("risky %d\n", risky()); } catch (int n) { printf("risky threw %d\n", n); }
    printf("%d\n", pool.cells[pool.at]);
    Holder<long>::held += 5;
    printf("%ld %.1f\n", Holder<long>::held, Holder<double>::held);
    static int given = 4;
    pthread_t other;
    if (pthread_create(&other, nullptr, thread, &given) != 0) return 1;
    pthread_join(other, nullptr);
    printf("given %d\n", given);
    printf("mine %d\n", mine.number);
    return 0;
}
