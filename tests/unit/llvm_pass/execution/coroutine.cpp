// coroutine.cpp - a generator that reads memory behind a pointer it was started with.
// Without the library: the few names that the compiler looks for are declared here.
#include "instructions.h"

extern "C" void *malloc(unsigned long);
extern "C" void free(void *);

namespace std {
template <class R, class...> struct coroutine_traits { using promise_type = typename R::promise_type; };
template <class Promise = void> struct coroutine_handle;
template <> struct coroutine_handle<void> {
    static coroutine_handle from_address(void *address) noexcept { return {address}; }
    void *frame;
};
template <class Promise> struct coroutine_handle {
    static coroutine_handle from_address(void *address) noexcept { return {address}; }
    static coroutine_handle from_promise(Promise &promise) noexcept {
        return {__builtin_coro_promise(&promise, alignof(Promise), true)};
    }
    operator coroutine_handle<>() const noexcept { return {frame}; }
    Promise &promise() const { return *static_cast<Promise *>(__builtin_coro_promise(frame, alignof(Promise), false)); }
    void *frame;
};
struct suspend_always {
    bool await_ready() const noexcept { return false; }
    void await_suspend(coroutine_handle<>) const noexcept {}
    void await_resume() const noexcept {}
};
} // namespace std

namespace {
struct Numbers {
    struct promise_type {
        int now = 0;
        Numbers get_return_object() noexcept { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_always initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        std::suspend_always yield_value(int value) noexcept { now = value; return {}; }
        void return_void() noexcept {}
        void unhandled_exception() noexcept {}
        static void *operator new(unsigned long bytes) noexcept { return malloc(bytes); }
        static void operator delete(void *frame) noexcept { free(frame); }
        static Numbers get_return_object_on_allocation_failure() noexcept { return {{nullptr}}; }
    };
    std::coroutine_handle<promise_type> handle;
};

[[clang::noinline]] Numbers all(int *p, int n) {
    for (int i = 0; i < n; i++) {
        p[i] += i;
        co_yield p[i];
    }
}
} // namespace

extern "C" void NAMED(coroutine)(void *p, void *out) {
    Numbers numbers = all(static_cast<int *>(p), 3);
    for (int i = 0; i < 3; i++) {
        __builtin_coro_resume(numbers.handle.frame);
        static_cast<int *>(out)[i] = numbers.handle.promise().now;
    }
    __builtin_coro_destroy(numbers.handle.frame);
}
