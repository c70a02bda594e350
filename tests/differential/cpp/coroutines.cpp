// Coroutines: frames on the heap, values out and in, exceptions, a chain of them resumed by each other.
#include <coroutine>
#include <cstdio>
#include <exception>
#include <utility>
#include <vector>

namespace {
template <class T> struct Generator {
    struct promise_type {
        T current{};
        std::exception_ptr failure;
        Generator get_return_object() { return Generator{std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_always initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        std::suspend_always yield_value(T value) { current = std::move(value); return {}; }
        void return_void() {}
        void unhandled_exception() { failure = std::current_exception(); }
    };
    std::coroutine_handle<promise_type> frame;
    explicit Generator(std::coroutine_handle<promise_type> f) : frame(f) {}
    Generator(Generator &&other) noexcept : frame(std::exchange(other.frame, nullptr)) {}
    ~Generator() { if (frame) frame.destroy(); }
    bool next() {
        frame.resume();
        if (frame.promise().failure) std::rethrow_exception(std::exchange(frame.promise().failure, nullptr));
        return !frame.done();
    }
    T &value() { return frame.promise().current; }
};
struct Guard { int *at; ~Guard() { *at += 100; } };

Generator<int> count(int *from, int n) {
    Guard guard{from};
    int own[8] = {};
    for (int i = 0; i < n; i++) {
        own[i & 7] += *from;
        co_yield own[i & 7] + i;
        ++*from;
    }
    if (n > 4) throw n;
}
Generator<long> summed(std::vector<int *> places) {
    long sum = 0;
    for (int *place : places) {
        auto inner = count(place, 3);
        while (inner.next()) co_yield sum += inner.value();
    }
}
struct Task {
    struct promise_type {
        std::coroutine_handle<> waiting = std::noop_coroutine();
        int result = 0;
        Task get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_always initial_suspend() noexcept { return {}; }
        auto final_suspend() noexcept {
            struct Back {
                bool await_ready() noexcept { return false; }
                std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> h) noexcept { return h.promise().waiting; }
                void await_resume() noexcept {}
            };
            return Back{};
        }
        void return_value(int v) { result = v; }
        void unhandled_exception() { std::terminate(); }
    };
    std::coroutine_handle<promise_type> frame;
    bool await_ready() { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> h) { frame.promise().waiting = h; return frame; }
    int await_resume() { int r = frame.promise().result; frame.destroy(); return r; }
};
Task deep(int n, int *p) {
    if (n == 0) co_return *p;
    co_return n + co_await deep(n - 1, p);
}
} // namespace

extern "C" int main() {
    int *number = new int(5), *other = new int(9);
    {
        auto some = count(number, 6);
        try { while (some.next()) printf("%d ", some.value()); } catch (int n) { printf("threw %d\n", n); }
    }
    auto all = summed({number, other});
    while (all.next()) printf("%ld ", all.value());
    printf("\n%d %d\n", *number, *other);
    { auto left = count(other, 3); left.next(); }
    printf("%d\n", *other);
    Task task = deep(200, number);
    task.frame.resume();
    printf("%d\n", task.frame.promise().result);
    task.frame.destroy();
    delete number;
    delete other;
    return 0;
}
