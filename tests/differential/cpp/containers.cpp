// The library's templates over memory of any kind: the unit holds their code.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

namespace {
struct Point {
    int x, y;
    auto operator<=>(const Point &) const = default;
};
unsigned hashed(std::span<const unsigned char> bytes) {
    return std::accumulate(bytes.begin(), bytes.end(), 7u, [](unsigned a, unsigned b) { return a * 31 + b; });
}
std::string join(const std::vector<std::string> &parts, std::string_view between) {
    std::string out;
    for (const auto &part : parts) {
        if (!out.empty()) out += between;
        out.append(part);
    }
    return out;
}
} // namespace

extern "C" int main() {
    auto *numbers = new int[64];
    std::span<int> all(numbers, 64);
    for (size_t i = 0; i < all.size(); i++) all[i] = static_cast<int>(i * 37 % 64);
    std::sort(all.begin(), all.end(), std::greater<>());
    printf("%d %d %d\n", all.front(), all[10], all.back());
    std::rotate(all.begin(), all.begin() + 5, all.end());
    std::stable_sort(all.begin() + 10, all.begin() + 40);
    printf("%u\n", hashed({reinterpret_cast<unsigned char *>(numbers), 64 * sizeof(int)}));
    printf("%d\n", *std::lower_bound(all.begin() + 10, all.begin() + 40, 30));
    delete[] numbers;

    std::vector<int> v;
    for (int i = 0; i < 100; i++) v.push_back(i * i);
    v.erase(v.begin() + 3, v.begin() + 50);
    v.insert(v.begin() + 1, {7, 8, 9});
    v.resize(60, -2);
    printf("%zu %d %d %d\n", v.size(), v[1], v[20], v.back());
    std::vector<bool> bits(130);
    bits[128] = bits[3] = true;
    bits.flip();
    printf("%td\n", std::count(bits.begin(), bits.end(), false));

    std::vector<std::string> words;
    for (const char *word : {"pear", "a much longer word than fits", "fig", "apple", "quince"}) words.emplace_back(word);
    std::sort(words.begin(), words.end());
    std::string joined = join(words, ", ");
    printf("%s (%zu)\n", joined.c_str(), joined.find("fits"));
    joined.replace(2, 5, "other text here");
    joined.insert(0, 3, '*');
    joined.erase(joined.size() - 4);
    std::string copy = joined.substr(4, 30) + "/" + std::string(20, 'z');
    copy.reserve(500);
    std::swap(copy, joined);
    printf("%s|%s|%d\n", joined.c_str(), copy.c_str(), copy < joined);
    std::string_view view = copy;
    printf("%zu %d\n", view.rfind("pe"), view.starts_with("***"));
    printf("%s %d\n", std::to_string(-1234).c_str(), std::stoi("77") + 1);

    std::map<std::string, int> counts;
    for (char letter : joined) counts[std::string(1, letter)]++;
    for (const auto &[key, value] : counts) printf("%s%d ", key.c_str(), value);
    puts("");
    counts.erase(counts.begin(), counts.lower_bound("h"));
    printf("%zu\n", counts.size());
    std::unordered_map<int, Point> places;
    for (int i = 0; i < 200; i++) places.emplace(i * 3, Point{i, -i});
    printf("%d %zu\n", places.at(300).y, places.count(301));
    try { places.at(1); } catch (const std::out_of_range &) { puts("out of range"); }
    std::set<Point> ordered{{3, 1}, {1, 2}, {1, 1}};
    printf("%d\n", ordered.begin()->y);
    std::list<int> list{4, 2, 9};
    list.sort();
    list.splice(list.end(), std::list<int>{1, 1});
    std::deque<int> deque(list.begin(), list.end());
    for (int i = 0; i < 300; i++) deque.push_front(i);
    printf("%d %d %d\n", deque.front(), deque[299], deque.back());

    std::function<int(int)> twice = [](int n) { return 2 * n; };
    std::array<char, 64> large{};
    large[5] = 3;
    std::function<int(int)> heavy = [large, twice](int n) { return twice(n) + large[5]; };
    std::function<int(int)> another = heavy;
    printf("%d %d\n", another(4), std::bind(heavy, std::placeholders::_1)(1));
    std::variant<int, std::string, Point> one = std::string("a string in a variant, long enough");
    printf("%zu\n", std::visit([](const auto &value) { return sizeof value; }, one));
    one = Point{1, 2};
    printf("%d\n", std::get<Point>(one).y);
    try { std::get<int>(one); } catch (const std::bad_variant_access &) { puts("other variant"); }
    std::optional<std::tuple<int, std::string>> maybe;
    maybe.emplace(4, "tuple");
    printf("%d %s\n", std::get<0>(*maybe), std::get<1>(*maybe).c_str());
    return 0;
}
