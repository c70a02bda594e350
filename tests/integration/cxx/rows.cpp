// rows.cpp - compiled by galeed-c++: C++ in the rows of Rust's runtime, outside of main, under signals, in threads.
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <future>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

extern "C" {
int mpk_gate_is_foreign(void);
// src/rows.rs: a number in Rust's heap, and its end there; what takes an allocation.
long *rust_makes(long value);
long rust_takes(long *made);
long rust_squares(long value);
}
using Callback = long (*)(void *);

// ---- Start-up and end ----

namespace {
char order[16]; // of constructors
std::size_t ran;
bool talks;     // destructors say what they see
long *stale;

struct Outside {
    char name;
    long *made;
    explicit Outside(char letter) : name(letter), made(rust_makes(rust_squares(letter - '`'))) {
        order[ran++] = letter;
        *made += 1;
    }
    ~Outside() {
        if (!talks) return;
        long seen = *made;
        std::printf("~%c %ld %ld %d\n", name, seen, rust_takes(made), mpk_gate_is_foreign());
    }
};
Outside last('c');
__attribute__((init_priority(300))) Outside second('b');
__attribute__((init_priority(200))) Outside first('a');

struct UsesStale {
    ~UsesStale() {
        if (stale) std::printf("stale: %ld\n", *stale);
    }
} uses_stale;

void at_exit() { std::printf("at exit %ld %d\n", rust_squares(5), mpk_gate_is_foreign()); }
void at_quick_exit() { std::printf("at quick exit %ld %d\n", rust_squares(6), mpk_gate_is_foreign()); }
} // namespace

// The order of the constructors, as a number of base 4; from here on destructors talk.
extern "C" long will_end(long *kept) {
    static Outside in_a_function('d');
    long digits = 0;
    for (std::size_t i = 0; i < ran; i++) digits = digits * 10 + (order[i] - '`');
    if (kept) {
        stale = kept;
        return digits;
    }
    talks = true;
    if (std::atexit(at_exit) || std::at_quick_exit(at_quick_exit)) return -1;
    return digits;
}
extern "C" void ends(int how) {
    std::string held(100, 'x'); // std::exit drops no frames
    if (how == 1) std::exit(static_cast<int>(held.size()) - 97);
    if (how == 2) std::quick_exit(4);
}

// ---- Signals and stacks ----

static volatile long handled;
static void handles(int number) {
    try {
        std::string text(40 + static_cast<std::size_t>(number), 'y');
        if (text.size() == 40u + SIGUSR1) throw std::length_error(text);
    } catch (const std::exception &error) {
        handled = handled + (std::string(error.what()).size() == 40u + SIGUSR1);
    }
}
extern "C" int installs_handler(void) { return std::signal(SIGUSR1, handles) == SIG_ERR; }
// The signal comes amid an exception that is being handled; nothing of that changes.
extern "C" long raises_amid_exception(long *log) {
    try {
        throw std::runtime_error("outer");
    } catch (const std::exception &error) {
        std::raise(SIGUSR1);
        *log += static_cast<long>(std::string(error.what()).size());
        if (std::current_exception() == nullptr) return -1;
    }
    return std::uncaught_exceptions() * 10 + (std::current_exception() != nullptr);
}
extern "C" long times_handled(void) { return handled; }

// Throws, passes frames and catches until a handler of the host's has counted so far.
namespace {
struct Leaves {
    long *log;
    ~Leaves() { ++*log; }
};
__attribute__((noinline)) void throws_deep(long *log, int depth) {
    Leaves leaves{log};
    if (depth == 0) throw std::out_of_range("deep");
    throws_deep(log, depth - 1);
}
} // namespace
extern "C" long throws_until(long *log, const volatile long *count, long wanted) {
    long wrong = 0;
    while (*count < wanted) {
        long before = *log;
        try {
            throws_deep(log, 4);
        } catch (const std::out_of_range &) {
            wrong += *log != before + 5;
        }
        wrong += std::uncaught_exceptions() != 0;
    }
    return wrong;
}

// ---- Threads ----

namespace {
long ended, ended_foreign, ended_saw;
struct AtThreadsEnd {
    long *kept = nullptr;
    std::vector<std::string> own;
    ~AtThreadsEnd() {
        ended_foreign += mpk_gate_is_foreign();
        if (kept) ended_saw += *kept + rust_takes(kept);
        ended += static_cast<long>(own.size());
    }
};
thread_local AtThreadsEnd at_threads_end;
std::mutex turn;
std::condition_variable changed;
long next_turn;
} // namespace

// A number of Rust's that the thread's own object reads, and gives back, when the thread has ended.
extern "C" long keeps_until_end(const long *value) {
    at_threads_end.kept = rust_makes(*value);
    at_threads_end.own.assign(3, std::string(50, 'z'));
    return *at_threads_end.kept;
}
// One that the host frees before.
extern "C" void keeps_stale(long *value) { at_threads_end.kept = value; }
extern "C" long ends_of_threads(int which) { return which == 0 ? ended : which == 1 ? ended_foreign : ended_saw; }

static long tasks(Callback call, void *argument, long *log, std::launch how) {
    try {
        std::future<long> got = std::async(how, [=] {
            long before = *log;
            long said = call(argument);
            if (said < 0) throw std::domain_error("said no");
            return before + said;
        });
        return got.get();
    } catch (const std::system_error &error) {
        return -static_cast<long>(error.code().value());
    } catch (const std::domain_error &) {
        return -1000;
    }
}
extern "C" long starts_task(Callback call, void *argument, long *log, int how) {
    return tasks(call, argument, log, how ? std::launch::async : std::launch::deferred);
}

// Two threads of C++ take turns under a mutex, and each calls back. Or the number of the error.
extern "C" long takes_turns(Callback call, void *argument, long rounds) {
    long sums[2] = {0, 0};
    auto play = [&](long me) {
        at_threads_end.kept = rust_makes(me);
        at_threads_end.own.assign(2, "each");
        for (long i = 0; i < rounds; i++) {
            std::unique_lock<std::mutex> held(turn);
            changed.wait(held, [me] { return next_turn % 2 == me; });
            sums[me] += call(argument);
            next_turn++;
            changed.notify_all();
        }
    };
    try {
        std::thread one(play, 0);
        std::thread two(play, 1);
        one.join();
        two.join();
    } catch (const std::system_error &error) {
        return -static_cast<long>(error.code().value());
    }
    return (sums[0] * 1000 + sums[1]) * 10 + ended;
}

// Threads of the host meet at the library's own mutex.
extern "C" long under_its_mutex(long *counter, long rounds) {
    for (long i = 0; i < rounds; i++) {
        std::lock_guard<std::mutex> held(turn);
        ++next_turn;
        ++*counter;
    }
    std::lock_guard<std::mutex> held(turn);
    return next_turn;
}

// A mutex in the host's memory.
extern "C" long locks_lent(void *room) {
    auto *lent = new (room) std::mutex;
    std::lock_guard<std::mutex> held(*lent);
    return 1;
}
