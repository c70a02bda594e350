// Exceptions: thrown, caught, rethrown, passed through frames with objects to destroy.
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>
#include <utility>

namespace {

struct Trace {
    const char *name;
    int *count;
    Trace(const char *n, int *c) : name(n), count(c) { ++*count; }
    ~Trace() { printf("  ~%s at %d\n", name, (*count)--); }
};

struct Base {
    int code;
    explicit Base(int c) : code(c) {}
    Base(const Base &other) : code(other.code + 100) {}
    virtual ~Base() = default;
    virtual const char *what() const { return "base"; }
};
struct Side {
    virtual ~Side() = default;
    long extra = 77;
};
struct Derived : Side, Base {
    char text[16];
    explicit Derived(int c) : Base(c) { snprintf(text, sizeof text, "derived %d", c); }
    const char *what() const override { return text; }
};

int live;

__attribute__((noinline)) int thrower(int kind, int *p) {
    Trace trace("thrower", &live);
    switch (kind) {
    case 0: return *p;
    case 1: throw Base(*p);
    case 2: throw Derived(*p);
    case 3: throw *p;
    case 4: throw p;
    case 5: throw "words";
    case 6: throw std::bad_alloc();
    case 7: { Derived one(*p); Base &slice = one; throw slice; }
    default: throw std::pair<long, double>(*p, 2.5);
    }
}

__attribute__((noinline)) int middle(int kind, int *p, int (*call)(int, int *)) {
    Trace outer("outer", &live);
    int own[4] = {1, 2, 3, 4};
    try {
        Trace inner("inner", &live);
        own[kind & 3] += call(kind, p);
        return own[kind & 3];
    } catch (const Side &side) {
        printf("  side %ld\n", side.extra);
        throw;
    } catch (int &number) {
        number += own[kind & 3];
        throw;
    }
}

const char *judge(int kind, int *p) {
    static char said[64];
    try {
        snprintf(said, sizeof said, "value %d", middle(kind, p, thrower));
    } catch (Derived &one) {
        snprintf(said, sizeof said, "%s (%d, %ld)", one.what(), one.code, one.extra);
    } catch (Base &one) {
        snprintf(said, sizeof said, "%s (%d)", one.what(), one.code);
    } catch (int number) {
        snprintf(said, sizeof said, "int %d", number);
    } catch (int *where) {
        *where += 1;
        snprintf(said, sizeof said, "pointer to %d, ours: %d", *where, where == p);
    } catch (const char *words) {
        snprintf(said, sizeof said, "%zu", strlen(words));
    } catch (const std::exception &) {
        snprintf(said, sizeof said, "standard");
    } catch (...) {
        std::exception_ptr kept = std::current_exception();
        try {
            std::rethrow_exception(kept);
        } catch (std::pair<long, double> &both) {
            snprintf(said, sizeof said, "pair %ld %.1f", both.first, both.second);
        }
    }
    return said;
}

struct Member {
    Trace trace;
    explicit Member(int n) : trace("member", &live) { if (n > 2) throw n; }
};
struct Owner {
    Trace first{"first", &live};
    Member one, two;
    Owner(int a, int b) try : one(a), two(b) { puts("  made"); }
    catch (int n) { printf("  not made: %d\n", n); }
};

int uncaught() noexcept { return std::uncaught_exceptions(); }
struct Asks { ~Asks() { printf("  in flight: %d\n", uncaught()); } };

int sum(int n) {
    if (n == 0) throw n;
    try {
        Asks asks;
        return n + sum(n - 1);
    } catch (int got) {
        if (n < 5) throw got + n;
        return got;
    }
}
} // namespace

extern "C" int main() {
    int *number = new int(40);
    for (int kind = 0; kind < 9; kind++)
        printf("%d: %s\n", kind, judge(kind, number));
    for (int a : {1, 3})
        for (int b : {2, 4})
            try { Owner owner(a, b); } catch (int n) { printf("  caught %d\n", n); }
    printf("sum %d, live %d, number %d\n", sum(5), live, *number);
    delete number;
    return live;
}
