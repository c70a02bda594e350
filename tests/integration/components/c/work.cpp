// What components have done in C++: a table of words, and what goes wrong with it.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace {
// The library's own, for all components: not the host's, and not parted.
std::map<std::string, long> seen;
} // namespace

// Turns the order of the words around, in place; how often its first word has come.
extern "C" long words_turn(char *text, std::size_t bytes) {
    std::vector<std::string> words(1);
    for (std::size_t at = 0; at < bytes; at++) {
        if (text[at] == ' ') words.emplace_back();
        else words.back() += text[at];
    }
    if (words.front().empty()) throw std::invalid_argument("no first word");
    if (words.front() == "number") throw static_cast<int>(words.size());
    long count = ++seen[words.front()];
    std::string turned;
    for (auto word = words.rbegin(); word != words.rend(); ++word) turned += (turned.empty() ? "" : " ") + *word;
    std::memcpy(text, turned.data(), bytes);
    return count;
}

// The bug: the next search in the table follows what is written here.
extern "C" void words_corrupt(std::uintptr_t to) {
    char *table = reinterpret_cast<char *>(&seen);
    for (std::size_t at = 16; at + 8 <= sizeof seen; at += 8) std::memcpy(table + at, &to, 8);
}
extern "C" void words_reset() {
    std::memset(static_cast<void *>(&seen), 0, sizeof seen);
    new (&seen) std::map<std::string, long>;
}
