// overflow.cpp - compiled by galeed-c++: frames of C++ with destructors, until the stack has none left.
#include <string>

namespace {
struct Weight {
    volatile char bytes[256];
    std::string words;
    explicit Weight(int depth) : words(3, static_cast<char>('a' + depth % 26)) { bytes[0] = static_cast<char>(depth); }
    ~Weight() { bytes[0] = 0; }
};
} // namespace

extern "C" __attribute__((noinline)) int f_overflows_in_cxx(int depth) {
    Weight weight(depth);
    return depth < 0 ? 0 : f_overflows_in_cxx(depth + 1) + weight.bytes[0] + static_cast<int>(weight.words.size());
}
