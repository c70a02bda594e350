#include <stdexcept>
#include <vector>
static int inner(int n) {
    if (n > 100) throw n;
    return n;
}
extern "C" int checked(int n) {
    if (n < 0) throw std::runtime_error("negative");
    return n;
}
__attribute__((noinline)) static int middle(int n) { return inner(n) + inner(n + 1); }
extern "C" int deep(int n) {
    std::vector<int> held(4);
    held[0] = middle(n);
    return held[0];
}
