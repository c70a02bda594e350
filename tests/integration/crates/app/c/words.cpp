// C++ with its library, exceptions and a virtual call.
#include <stdexcept>
#include <string>

struct Words {
    virtual std::size_t count(const std::string &text) const {
        if (text.empty()) {
            throw std::invalid_argument("no text");
        }
        std::size_t words = 1;
        for (char c : text) {
            words += c == ' ';
        }
        return words;
    }
    virtual ~Words() = default;
};

extern "C" long app_words(const char *text, std::size_t bytes) {
    const Words *words = new Words;
    long result = -1;
    try {
        // Copied here, not by the C++ library, which was not rewritten and cannot read what Rust lends.
        std::string copy;
        for (std::size_t i = 0; i < bytes; i++) {
            copy.push_back(text[i]);
        }
        result = static_cast<long>(words->count(copy));
    } catch (const std::invalid_argument &) {
        result = 0;
    }
    delete words;
    return result;
}
