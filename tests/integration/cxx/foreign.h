// foreign.h - what the rewritten library (foreign.cpp) offers, to hosts in Rust and in C++.
#ifndef FOREIGN_H
#define FOREIGN_H
#include <cstddef>
#include <cstdint>
#include <string>

// Hosts make these and call their virtual functions: tables and bodies are the library's.
class Counter {
public:
    explicit Counter(long start);
    virtual ~Counter();
    virtual long add(const long *numbers, std::size_t count);
    virtual long total() const;
    long twice() const { return total() * 2; } // compiled by whoever calls it
private:
    long total_;
};
Counter *make_counter(long start); // of a class that only the library knows

// A host implements it, and the library calls.
struct Listener {
    virtual ~Listener() = default;
    virtual long heard(long value) = 0;
};
long notify(Listener *listener, long value);
const char *kind_of(const Counter *counter);

extern "C" {
// Throws by kind: 0 not at all, 1 std::runtime_error, 2 an int, 3 a type of the library's own; numbers are read first.
long may_throw(const long *numbers, std::size_t count, int kind);
long catches(const long *numbers, std::size_t count, long *log, int kind);
long calls_back(long (*call)(void *), void *argument, long *log, int how);
long breaks(long *log, std::size_t bytes, int where);
long still_throws(long *log);
long born_before_main(void);
long of_this_thread(long *log, long add);
long casts(void *room, std::size_t bytes);
long contains(void *room, std::size_t bytes, const char *text, int what);
long starts_thread(long *log);
long ends_thread(long *log);
}
#endif
