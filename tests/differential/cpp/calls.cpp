// Calls of every C++ kind: objects passed and returned, lambdas as callbacks, thunks, variadic functions.
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <utility>

namespace {
struct Big {
    long words[9];
    int *at;
    Big(long base, int *p) : at(p) { for (int i = 0; i < 9; i++) words[i] = base + i; }
    Big(const Big &other) : at(other.at) { for (int i = 0; i < 9; i++) words[i] = other.words[i] + 1; ++*at; }
    Big(Big &&other) noexcept : at(std::exchange(other.at, nullptr)) { for (int i = 0; i < 9; i++) words[i] = other.words[i]; }
    ~Big() { if (at) *at += 10; }
};
struct Trivial { long a, b, c; int *p; };
struct Empty {};

__attribute__((noinline)) Big make(long base, int *p, bool moved) {
    Big one(base, p);
    if (moved) return std::move(one);
    Big two(one);
    return two;
}
__attribute__((noinline)) long take(Big one, Empty, Big &&two, const Big &three) {
    return one.words[1] + two.words[2] + three.words[3] + *one.at;
}
__attribute__((noinline)) Trivial pass(Trivial given) {
    *given.p += static_cast<int>(given.a);
    given.b = given.c;
    return given;
}
int added(int count, ...) {
    va_list list;
    va_start(list, count);
    int sum = 0;
    for (int i = 0; i < count; i++) sum += *va_arg(list, int *);
    va_end(list);
    return sum;
}
long chosen(std::initializer_list<long> list) {
    long best = 0;
    for (long each : list) best = each > best ? each : best;
    return best;
}
struct Left { virtual Left *self() { return this; } virtual ~Left() = default; int l = 1; };
struct Right { virtual Right *self() { return this; } virtual Big big(int *p) { return Big(5, p); } virtual ~Right() = default; int r = 2; };
struct Join : Left, Right {
    Join *self() override { return this; }
    Big big(int *p) override { return Big(r, p); }
};
template <class F> __attribute__((noinline)) auto apply(F &&f, int n) { return f(n); }
template <int N> int power(int n) { return n * power<N - 1>(n); }
template <> int power<0>(int) { return 1; }
inline int shared_inline(int n) { static int calls = 0; return n + ++calls; }
} // namespace
inline int everywhere(int n) { static int calls = 0; return n + ++calls; }
using Plain = int (*)(int);
__attribute__((noinline)) int through(Plain f, int n) { return f(n); }
extern "C" int compare(const void *a, const void *b) { return *static_cast<const int *>(a) - *static_cast<const int *>(b); }

extern "C" int main() {
    int *count = new int(0);
    {
        Big one = make(10, count, true);
        Big two = make(20, count, false);
        printf("%ld\n", take(one, {}, std::move(two), one));
    }
    printf("%d\n", *count);
    Trivial given{3, 4, 5, count};
    Trivial *heap = new Trivial(pass(given));
    *heap = pass(*heap);
    printf("%ld %ld %d\n", heap->b, heap->c, *heap->p);
    printf("%d\n", added(3, count, count, heap->p));
    printf("%ld\n", chosen({4, 9, *count}));
    auto *join = new Join;
    Right *right = join;
    Left *left = join;
    printf("%d %d %ld\n", right->self() == right, left->self() == left, right->big(count).words[0]);
    int base = 5;
    printf("%d\n", apply([&](int n) { return base += n + *count; }, 3));
    printf("%d %d\n", apply([heap](int n) { return n + *heap->p; }, 3), base);
    printf("%d\n", through([](int n) { return n * 3; }, 7) + through(power<4>, 3) + through(everywhere, 2) + through(shared_inline, 1));
    Plain table[] = {power<2>, everywhere, [](int n) { return -n; }};
    for (Plain each : table) printf("%d ", each(6));
    int *row = new int[6]{5, 3, 9, 1, 7, 2};
    printf("%d\n", row[2]);
    delete[] row;
    delete left;
    delete heap;
    delete count;
    return 0;
}
