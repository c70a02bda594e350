// foreign.cpp - compiled by galeed-c++: exceptions, objects in lent memory, what runs outside of main.
#include "foreign.h"
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <deque>
#include <exception>
#include <functional>
#include <iostream>
#include <list>
#include <map>
#include <memory>
#include <new>
#include <numeric>
#include <pthread.h>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <thread>
#include <typeinfo>
#include <unordered_map>
#include <vector>

namespace {
// Says in lent memory that a frame was left in order.
struct Note {
    long *log;
    long value;
    ~Note() { *log = *log * 10 + value; }
};
struct Own : std::exception {
    const long *at;
    explicit Own(const long *p) : at(p) {}
    const char *what() const noexcept override { return "the library's own"; }
};
} // namespace

// ---- exceptions ----

extern "C" __attribute__((noinline)) long may_throw(const long *numbers, std::size_t count, int kind) {
    long sum = std::accumulate(numbers, numbers + count, 0L);
    switch (kind) {
    case 1: throw std::runtime_error("sum " + std::to_string(sum));
    case 2: throw static_cast<int>(sum);
    case 3: throw Own(numbers);
    default: return sum;
    }
}

static __attribute__((noinline)) long deeper(const long *numbers, std::size_t count, long *log, int kind, int depth) {
    Note note{log, depth};
    if (depth) return deeper(numbers, count, log, kind, depth - 1) + 1;
    return may_throw(numbers, count, kind);
}

extern "C" long catches(const long *numbers, std::size_t count, long *log, int kind) {
    Note note{log, 9};
    try {
        try {
            return deeper(numbers, count, log, kind, 3);
        } catch (const Own &own) {
            *log = *log * 10 + own.at[1]; // a pseudo-pointer inside the exception
            throw;
        }
    } catch (const std::exception &error) {
        return 1000 + static_cast<long>(std::strlen(error.what()));
    } catch (int number) {
        return number;
    }
}

extern "C" long calls_back(long (*call)(void *), void *argument, long *log, int how) {
    Note note{log, 1};
    if (how == 0) return call(argument);
    try {
        Note inner{log, 2};
        return call(argument);
    } catch (const std::exception &error) {
        if (how == 3) throw std::runtime_error(std::string("wrapped ") + error.what());
        return static_cast<long>(std::strlen(error.what()));
    } catch (...) {
        *log = *log * 10 + 3;
        if (how == 1) throw;
        return -3; // swallowed
    }
}

namespace {
struct BreaksWhenItGoes {
    long *log;
    std::size_t at;
    ~BreaksWhenItGoes() { log[at] = 1; }
};
} // namespace

// Writes behind what it was lent: in a frame with destructors, a catch block, a destructor that unwinding runs.
extern "C" long breaks(long *log, std::size_t at, int where) {
    Note note{log, 5};
    if (where == 0) {
        std::string held(100, 'x');
        log[at] = 1;
        return static_cast<long>(held.size());
    }
    try {
        if (where == 2) {
            BreaksWhenItGoes last{log, at};
            throw 7;
        }
        throw std::runtime_error("first");
    } catch (...) {
        log[at] = 1;
    }
    return 0;
}

// After all that: is this thread's account of exceptions in order?
extern "C" long still_throws(long *log) {
    long seen = std::uncaught_exceptions() * 100 + (std::current_exception() ? 10 : 0);
    try {
        Note note{log, 4};
        throw std::out_of_range("again");
    } catch (const std::logic_error &) {
        seen += 1;
    }
    return seen;
}

// ---- before main, and each thread's own ----

static std::map<std::string, long> &table() {
    static std::map<std::string, long> one{{"ten", 10}, {"one", 1}};
    return one;
}
static long early = [] {
    try {
        throw table()["ten"];
    } catch (long ten) {
        return ten + table()["one"];
    }
}();
extern "C" long born_before_main(void) { return early + static_cast<long>(table().size()); }

namespace {
long gone; // thread's objects that are no more
struct PerThread {
    std::vector<long> added;
    PerThread() { added.reserve(3); }
    ~PerThread() { __atomic_fetch_add(&gone, static_cast<long>(added.size()), __ATOMIC_SEQ_CST); }
};
thread_local PerThread mine;
} // namespace
extern "C" long of_this_thread(long *log, long add) {
    if (add) mine.added.push_back(add + *log);
    return add ? std::accumulate(mine.added.begin(), mine.added.end(), 0L) : __atomic_load_n(&gone, __ATOMIC_SEQ_CST);
}

extern "C" long starts_thread(long *log) {
    long got = 0;
    try {
        std::thread other([&got, log] { got = *log; });
        other.join();
    } catch (const std::system_error &error) {
        return -static_cast<long>(error.code().value());
    }
    return got;
}

extern "C" long ends_thread(long *log) {
    Note note{log, 6};
    pthread_exit(log);
}

// ---- objects in lent memory ----

namespace {
struct Base {
    long base = 1;
    virtual ~Base() = default;
    virtual long value() const { return base; }
};
struct Side {
    long side = 2;
    virtual ~Side() = default;
    virtual long aside() const { return side; }
};
struct Root {
    long root = 4;
    virtual long rooted() const { return root; }
    virtual ~Root() = default;
};
struct Left : virtual Root { long left = 5; };
struct Right : virtual Root { long right = 6; long rooted() const override { return right * 7; } };
struct Both final : Base, Side, Left, Right {
    long value() const override { return base * 100 + side; }
    long rooted() const override { return Right::rooted() + left; }
};
struct Other final : Base {
    long value() const override { return -base; }
};
} // namespace

extern "C" long casts(void *room, std::size_t bytes) {
    if (bytes < sizeof(Both) + sizeof(Other)) return -1;
    auto *both = new (room) Both;
    Base *bases[] = {both, new (static_cast<char *>(room) + sizeof(Both)) Other};
    long sum = 0;
    for (Base *base : bases) {
        sum = sum * 1000 + base->value();
        if (typeid(*base) == typeid(Other)) sum += 3;
        if (auto *side = dynamic_cast<Side *>(base)) sum += side->aside() * 10; // across
        if (auto *down = dynamic_cast<Both *>(base)) sum += down->rooted();
        if (auto *root = dynamic_cast<Root *>(base)) sum += root->rooted();     // to a virtual base
        if (dynamic_cast<void *>(base) != static_cast<void *>(base)) sum += 100000;
    }
    Root *root = both;
    if (&dynamic_cast<Both &>(*root) == both && dynamic_cast<Other *>(root) == nullptr) sum += 7;
    try {
        (void)dynamic_cast<Other &>(*root);
    } catch (const std::bad_cast &) {
        sum += 50000;
    }
    for (Base *base : bases) base->~Base();
    return sum;
}

namespace {
template <class T> struct Arena {
    using value_type = T;
    char **next, *end;
    Arena(char **n, char *e) : next(n), end(e) {}
    template <class U> Arena(const Arena<U> &other) : next(other.next), end(other.end) {}
    T *allocate(std::size_t count) {
        auto at = (reinterpret_cast<std::uintptr_t>(*next) + alignof(T) - 1) & ~(alignof(T) - 1);
        char *from = *next + (at - reinterpret_cast<std::uintptr_t>(*next));
        if (from + count * sizeof(T) > end) throw std::bad_alloc();
        *next = from + count * sizeof(T);
        return reinterpret_cast<T *>(from);
    }
    void deallocate(T *, std::size_t) {}
    template <class U> bool operator==(const Arena<U> &other) const { return end == other.end; }
};
using Text = std::basic_string<char, std::char_traits<char>, Arena<char>>;
} // namespace

extern "C" long contains(void *room, std::size_t bytes, const char *text, int what) {
    char *next = static_cast<char *>(room);
    Arena<char> arena(&next, next + bytes);
    std::string_view view(text);
    switch (what) {
    case 0: { // vector, string, deque, algorithms
        std::vector<long, Arena<long>> numbers(arena);
        for (long i = 0; i < 40; i++) numbers.push_back(i * 7 % 40);
        std::sort(numbers.begin(), numbers.end());
        Text joined(arena);
        for (int i = 0; i < 5; i++) joined += view;
        std::deque<int, Arena<int>> both(arena);
        for (int i = 0; i < 150; i++) i % 2 ? both.push_back(i) : both.push_front(i);
        return numbers[39] * 10000 + static_cast<long>(joined.rfind(view)) * 10 + both.back() % 10;
    }
    case 1: { // a function and a shared object in lent memory
        auto *held = new (arena.allocate(sizeof(std::function<long(long)>))) std::function<long(long)>;
        long base = static_cast<long>(view.size());
        *held = [base, room](long n) { return n + base + (room != nullptr); };
        auto shared = std::allocate_shared<std::pair<long, std::string>>(arena, 3, std::string(view));
        std::weak_ptr<std::pair<long, std::string>> weak = shared;
        long got = (*held)(10) * 100 + shared->first + static_cast<long>(weak.lock()->second.size());
        held->~function();
        return got;
    }
    case 2: { // hashing: libstdc++.so reads the bytes
        std::unordered_map<std::string_view, int> seen;
        for (std::size_t i = 0; i + 2 <= view.size(); i++) seen[view.substr(i, 2)]++;
        std::unordered_map<int, int, std::hash<int>, std::equal_to<>, Arena<std::pair<const int, int>>> lent(arena);
        for (int i = 0; i < 50; i++) lent[i * 3] = i;
        return static_cast<long>(seen.size()) * 1000 + seen[view.substr(0, 2)] * 100 + lent.at(144);
    }
    case 3: { // streams: libstdc++.so reads and writes
        std::ostringstream out;
        out << view << ' ' << text << '/';
        out.write(text, 3) << 42;
        std::istringstream in("seven eight 9");
        in.read(static_cast<char *>(room), 5);
        in.getline(static_cast<char *>(room) + 8, 10, ' ');
        int number = 0;
        in.getline(static_cast<char *>(room) + 24, 10, ' ');
        in >> number;
        std::cout << text << ' ' << view << ' ' << out.str() << ' ' << static_cast<char *>(room)[4] << '\n';
        return static_cast<long>(out.str().size()) * 10 + number;
    }
    case 4: { // regular expressions over lent text
        std::regex words("([a-z]+) ([a-z]+)");
        std::cmatch found;
        if (!std::regex_search(text, found, words)) return -1;
        return found.length(1) * 100 + found.length(2) * 10 + static_cast<long>(found.str(2).size());
    }
    case 5: { // trees: libstdc++.so keeps them in balance
        std::map<int, int, std::less<>, Arena<std::pair<const int, int>>> tree(arena);
        for (int i = 0; i < 60; i++) tree[i * 17 % 60] = i;
        for (int i = 0; i < 60; i += 7) tree.erase(i * 11 % 60);
        long sum = static_cast<long>(tree.rbegin()->first) * 7 + tree.begin()->second;
        for (auto &[key, value] : tree) sum = (sum * 3 + key + value) % 1000003;
        return sum;
    }
    case 6: { // lists: libstdc++.so links them
        std::list<int, Arena<int>> list(arena);
        for (int i = 0; i < 30; i++) list.push_back(i * 11 % 30);
        list.sort();
        list.reverse();
        return list.front() * 100 + list.back();
    }
    default: return -2;
    }
}

// ---- classes whose host is C++ ----

Counter::Counter(long start) : total_(start) {}
Counter::~Counter() = default;
long Counter::add(const long *numbers, std::size_t count) {
    for (std::size_t i = 0; i < count; i++) total_ += numbers[i];
    if (total_ < 0) throw std::underflow_error("below zero");
    return total_;
}
long Counter::total() const { return total_; }
namespace {
struct Doubling final : Counter {
    using Counter::Counter;
    long total() const override { return Counter::total() * 2; }
};
} // namespace
Counter *make_counter(long start) { return new Doubling(start); }
const char *kind_of(const Counter *counter) {
    return dynamic_cast<const Doubling *>(counter) ? "doubling" : typeid(*counter) == typeid(Counter) ? "plain" : "of the host";
}
long notify(Listener *listener, long value) { return listener->heard(value); }
