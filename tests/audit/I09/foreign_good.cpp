#include <map>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <vector>
__attribute__((noinline)) static int inner(int n) {
    if (n > 100) throw std::runtime_error("large");
    return n;
}
extern "C" int caught(int n) {
    try {
        return inner(n);
    } catch (...) {
        return -1;
    }
}
extern "C" int safe(int n) noexcept { return inner(n); }
extern "C" int allocates(int n) {
    int *p = new int(n);
    int m = *p;
    delete p;
    return m;
}
extern "C" int announced(int n) { return inner(n); }
extern "C" int named(const char *name) {
    std::string copy(name);
    std::map<std::string, int> all{{copy, 1}, {copy + "x", 2}};
    std::map<std::string, int> more(all);
    return (int)more.size();
}
static std::shared_mutex lock;
extern "C" int under_lock(int n) {
    std::lock_guard<std::shared_mutex> held(lock);
    return n + 1;
}
