// A main in C++ that nobody rewrote, over the Rust library without std: one scenario a name.
#include "ledger.h"
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {
bool talks;

// Owns a handle; what the library refuses is an exception.
class Ledger {
public:
    explicit Ledger(std::uint64_t secret) : handle_(ledger_new(secret), &ledger_free) {
        if (!handle_) throw std::bad_alloc();
    }
    long add(unsigned account, long amount) { return checked(ledger_add(handle_.get(), account, amount)); }
    std::vector<long> log() {
        std::vector<long> all(static_cast<std::size_t>(checked(ledger_log(handle_.get(), nothing, 0))));
        if (!all.empty()) checked(ledger_log(handle_.get(), all.data(), all.size()));
        return all;
    }
    long each(const std::function<void(unsigned, long)> &body) {
        const void *context = &body;
        return checked(ledger_each(handle_.get(), visit, const_cast<void *>(context)));
    }
    ledger *get() const { return handle_.get(); }

private:
    static inline long nothing[1];
    static void visit(void *context, unsigned account, long sum) {
        (*static_cast<const std::function<void(unsigned, long)> *>(context))(account, sum);
    }
    static long checked(long result) {
        if (result < 0) throw std::runtime_error("refused: " + std::to_string(-result));
        return result;
    }
    std::unique_ptr<ledger, decltype(&ledger_free)> handle_;
};

// Made before main, in a heap that is closed already, and gone behind it.
struct Global {
    Ledger ledger{7};
    long first = ledger.add(1, 40);
    ~Global() {
        if (talks) std::printf("global %ld\n", ledger.add(1, 2));
    }
} global;

int ordinary() {
    talks = true;
    Ledger one(1);
    for (long i = 1; i <= 100; i++) one.add(static_cast<unsigned>(i) % 7, i);
    Ledger other = std::move(one);
    long sum = 0;
    long count = other.each([&](unsigned account, long value) { sum += value + other.add(account + 50, 1) - 1; });
    std::printf("%ld %ld %ld %zu\n", global.first, count, sum, other.log().size());
    ledger *stale = nullptr;
    {
        Ledger shorter(2);
        stale = shorter.get();
        try {
            shorter.log();
            throw std::logic_error("on the way out");
        } catch (const std::logic_error &error) {
            std::printf("%s\n", error.what());
        }
    }
    std::printf("%ld %ld\n", ledger_add(stale, 0, 1), ledger_free(stale));
    return 0;
}

int thrown(bool caught) {
    Ledger one(1);
    one.add(1, 5);
    long seen = one.each([&](unsigned, long value) {
        if (!caught) throw std::out_of_range("from under Rust");
        try {
            throw value;
        } catch (long number) {
            std::printf("caught %ld\n", number + 1);
        }
    });
    std::printf("survived %ld\n", seen);
    return 0;
}

// Past Rust's frames: who is to catch it stands on the other side of them.
int thrown_past() {
    try {
        thrown(false);
    } catch (const std::exception &error) {
        std::printf("went past: %s\n", error.what());
    }
    return ordinary();
}

int raw(bool under) {
    Ledger one(4242);
    one.add(1, 5);
    auto *secret = reinterpret_cast<volatile std::uint64_t *>(ledger_leak(one.get()));
    auto reads = [&] { std::printf("%d\n", *secret == 4242); };
    if (under) one.each([&](unsigned, long) { reads(); });
    else reads();
    return 0;
}

int thread() {
    Ledger one(1);
    long sum = 0;
    std::thread other([&] { sum = one.add(3, 9); });
    other.join();
    std::printf("%ld\n", sum);
    return 0;
}
} // namespace

int main(int count, char **words) {
    const std::string name = count > 1 ? words[1] : "";
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    if (name == "ordinary") return ordinary();
    if (name == "throws-inside") return thrown(true);
    if (name == "throws-out") return thrown(false);
    if (name == "throws-past") return thrown_past();
    if (name == "raw") return raw(false);
    if (name == "raw-in-a-callback") return raw(true);
    if (name == "thread") return thread();
    if (name == "exits") {
        talks = true;
        std::exit(5);
    }
    return 3;
}
