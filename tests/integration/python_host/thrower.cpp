// A C++ exception on its way out of foreign code.
#include <stdexcept>
extern "C" int refuse(int value) {
    if (value < 0) throw std::out_of_range("negative");
    return value;
}
