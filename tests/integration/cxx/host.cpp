// host.cpp - a host in C++, not rewritten: compiled by plain clang++ or g++.
#include "foreign.h"
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>
#include <vector>
extern "C" {
#include "galeed.h"
long rust_scenario(const char *name);
long rust_passes(long (*call)(void *), void *argument, long *dropped);
}

namespace {
// Memory of the host's domain: what foreign code may only reach through a pseudo-pointer.
template <class T> struct Host {
    using value_type = T;
    Host() = default;
    template <class U> Host(const Host<U> &) {}
    T *allocate(std::size_t n) {
        if (void *got = galeed_heap_alloc(n * sizeof(T), alignof(T))) return static_cast<T *>(got);
        throw std::bad_alloc();
    }
    void deallocate(T *at, std::size_t) { galeed_heap_free(at); }
    template <class U> bool operator==(const Host<U> &) const { return true; }
};
using Numbers = std::vector<long, Host<long>>;
struct Ends {
    const char *name;
    ~Ends() { std::printf("~%s\n", name); }
};
Numbers three() { return {1, 2, 3}; }

template <class F> void throwing(const char *what, F &&body) {
    try {
        Ends ends{what};
        std::printf("%s: %ld\n", what, static_cast<long>(body()));
    } catch (const std::exception &error) {
        std::printf("%s: caught %s\n", what, error.what());
    } catch (int number) {
        std::printf("%s: caught %d\n", what, number);
    }
    std::printf("  foreign %d\n", mpk_gate_is_foreign());
}

void exceptions() {
    Numbers numbers = three(), log{0};
    std::size_t leases = 0;
    for (int round = 0; round < 2; round++) {
        if (round == 1) leases = galeed_live_leases();
        for (int kind = 0; kind < 4; kind++) {
            throwing("may_throw", [&] { return may_throw(numbers.data(), numbers.size(), kind); });
            numbers[0]++; // still the host's
            throwing("catches", [&] { return catches(numbers.data(), numbers.size(), log.data(), kind); });
            std::printf("  log %ld\n", log[0]);
            log[0] = 0;
        }
    }
    std::printf("leases %zu\n", galeed_live_leases() - leases);
}

// A callback of the host throws; the library's frames are left in order, its handlers see it.
long throws(void *argument) {
    long *numbers = static_cast<long *>(argument);
    if (numbers[0] == 0) throw std::runtime_error("from the host");
    if (numbers[0] == 1) throw 17;
    return numbers[2];
}
void callbacks() {
    Numbers numbers{0, 5, 6}, log{0};
    for (long what = 0; what < 3; what++)
        for (int how = 0; how < 4; how++) {
            numbers[0] = what;
            throwing("calls_back", [&] { return calls_back(throws, numbers.data(), log.data(), how); });
            std::printf("  %ld %d: log %ld\n", what, how, log[0]);
            log[0] = 0;
        }
}

// C++ host, Rust, C++ library: the exception passes Rust's frames, which drop what they hold.
struct Given { const long *numbers; std::size_t count; int kind; };
long inside(void *argument) {
    auto *given = static_cast<Given *>(argument);
    return may_throw(given->numbers, given->count, given->kind);
}
void through_rust() {
    Numbers numbers = three();
    long dropped = 0;
    for (int kind = 0; kind < 3; kind++) {
        Given given{numbers.data(), numbers.size(), kind};
        throwing("through Rust", [&] { return rust_passes(inside, &given, &dropped); });
        std::printf("  dropped %ld\n", dropped);
    }
}

// Without that trust the library's exceptions end at the gate: no catch by type, no destructor of theirs.
void distrust() {
    Numbers numbers = three();
    try {
        Ends ends{"distrust"};
        may_throw(numbers.data(), numbers.size(), 1);
    } catch (const std::exception &) {
        std::puts("by type");
    } catch (...) {
        std::puts("a panic of Rust");
        std::fflush(stdout);
        std::_Exit(7); // who ends its handler ends the process: panics must be rethrown
    }
}

void classes() {
    Numbers numbers = three();
    {
        Counter own(10); // on the host's stack; its table is the library's
        std::printf("%ld %ld %ld %s\n", own.add(numbers.data(), 3), own.total(), own.twice(), kind_of(&own));
    }
    auto *made = make_counter(1); // in the library's memory
    std::printf("%ld %ld %s\n", made->add(numbers.data(), 3), made->twice(), kind_of(made));
    numbers[0] = -100;
    throwing("add", [&] { return made->add(numbers.data(), 1); });
    delete made;
    Counter *lent = new (galeed_heap_alloc(sizeof(Counter), alignof(Counter))) Counter(3); // in the host's domain
    numbers[0] = 1;
    std::printf("%ld %ld %s\n", lent->add(numbers.data(), 3), lent->twice(), kind_of(lent));
    lent->~Counter();
    galeed_heap_free(lent);
}

struct Hears final : Listener {
    long last = 0;
    long heard(long value) override { return last = value + 1; }
};
// The host's virtual functions, called by the library, are code that was not rewritten and that no gate opens.
void listener_outside() {
    auto plain = std::make_unique<Hears>(); // malloc's, where nothing is protected: it works with foreign rights
    std::printf("%ld %ld\n", notify(plain.get(), 4), plain->last);
}
void listener_inside() {
    auto *lent = new (galeed_heap_alloc(sizeof(Hears), alignof(Hears))) Hears;
    std::printf("%ld\n", notify(lent, 4));
}
} // namespace

int main(int count, char **words) {
    static const struct { const char *name; void (*body)(); bool trusts; } scenarios[] = {
        {"exceptions", exceptions, true}, {"callbacks", callbacks, true},
        {"through-rust", through_rust, true}, {"classes", classes, true},
        {"distrust", distrust, false},
        {"listener-outside", listener_outside, false}, {"listener-inside", listener_inside, false},
    };
    setvbuf(stdout, nullptr, _IOLBF, 0);
    const char *name = count > 1 ? words[1] : "";
    if (galeed_start() != 0) return 3;
    for (const auto &scenario : scenarios)
        if (!std::strcmp(name, scenario.name)) {
            if (scenario.trusts && galeed_pass_exceptions(1) != 0) return 3;
            scenario.body();
            return 0;
        }
    std::printf("%ld\n", rust_scenario(name));
    return 0;
}
