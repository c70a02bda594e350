// What tasks have done in C++: an object with state that goes with its task, and what throws.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {
long alive; // objects
}

class Tally {
public:
    Tally() { __atomic_fetch_add(&alive, 1, __ATOMIC_SEQ_CST); }
    ~Tally() { __atomic_fetch_sub(&alive, 1, __ATOMIC_SEQ_CST); }
    long add(const std::uint8_t *bytes, std::size_t count) {
        std::string held(bytes, bytes + count);
        if (held.empty()) throw std::length_error("nothing to count");
        kept_.push_back(std::move(held));
        long sum = 0;
        for (const auto &each : kept_)
            for (unsigned char byte : each) sum += byte;
        return sum;
    }

private:
    std::vector<std::string> kept_;
};

extern "C" {
Tally *tally_new() { return std::make_unique<Tally>().release(); }
void tally_delete(Tally *tally) { delete tally; }
long tally_add(Tally *tally, const std::uint8_t *bytes, std::size_t count) { return tally->add(bytes, count); }
long tallies_alive() { return __atomic_load_n(&alive, __ATOMIC_SEQ_CST); }
}
