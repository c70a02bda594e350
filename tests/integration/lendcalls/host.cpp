// host.cpp - code of the host in C++, compiled by clang and led through pass lend-calls.
typedef unsigned long size_t;
typedef int int32_t;
typedef long int64_t;

extern "C" void pre_throw(const int32_t *at, size_t count);
extern "C" int64_t pre_sum(const int32_t *at, size_t count);

// Of the runtime, where there is one: exceptions of the library are this host's to catch.
extern "C" int galeed_pass_exceptions(int pass) __attribute__((weak));

// What the library throws, and what it says of the same numbers afterwards.
extern "C" int64_t host_catches(const int32_t *at, size_t count) {
    if (galeed_pass_exceptions) galeed_pass_exceptions(1);
    try {
        pre_throw(at, count);
    } catch (int64_t thrown) {
        return 1000 * thrown + pre_sum(at, count);
    }
    return -1;
}
