// operator new and delete in all their forms, of the library, of classes, in place.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>

namespace {
int made, ended;
struct Item {
    int value;
    long *link = nullptr;
    explicit Item(int v = 3) : value(v) { made++; }
    ~Item() { ended++; value = -1; }
};
struct alignas(64) Wide {
    unsigned char bytes[128];
    Wide() { for (unsigned i = 0; i < sizeof bytes; i++) bytes[i] = static_cast<unsigned char>(i); }
};
struct Own {
    static inline int asked = 0;
    char text[40];
    static void *operator new(size_t n) { asked++; return malloc(n + 8); }
    static void operator delete(void *p) { asked--; free(p); }
    static void *operator new[](size_t n, int extra) { asked += extra; return malloc(n); }
    static void operator delete[](void *p) { free(p); }
};
struct Refuses {
    static inline int given_back = 0;
    static void *operator new(size_t n) { return malloc(n); }
    static void operator delete(void *p) { given_back++; free(p); }
    explicit Refuses(int n) { if (n) throw n; }
    long room = 4;
};
struct Chain {
    std::unique_ptr<Chain> next;
    std::shared_ptr<int> number;
    int depth() const { return 1 + (next ? next->depth() : 0); }
};
size_t huge() { volatile size_t n = SIZE_MAX / 2; return n; }
} // namespace

extern "C" int main() {
    auto *one = new Item(5);
    auto *many = new Item[7];
    long far = 12;
    many[3].link = &far;
    *many[3].link += one->value;
    printf("%d %d %ld\n", many[6].value, made, far);
    delete one;
    delete[] many;
    printf("%d\n", ended);

    auto *wide = new Wide[2];
    printf("%d %d\n", wide[1].bytes[100], static_cast<int>(reinterpret_cast<uintptr_t>(wide) % 64));
    delete[] wide;
    auto *quiet = new (std::nothrow) long[4]{1, 2, 3, 4};
    printf("%ld\n", quiet ? quiet[2] : -1);
    delete[] quiet;
    if (void *raw = ::operator new(24, std::align_val_t(32), std::nothrow)) {
        auto *in = new (raw) Item(9);
        printf("%d\n", in->value);
        in->~Item();
        ::operator delete(raw, std::align_val_t(32));
    }
    auto *own = new Own;
    snprintf(own->text, sizeof own->text, "own %d", Own::asked);
    puts(own->text);
    delete own;
    auto *owns = new (4) Own[3];
    snprintf(owns[2].text, sizeof owns[2].text, "owns %d", Own::asked);
    puts(owns[2].text);
    delete[] owns;
    try { delete new Refuses(0); delete new Refuses(6); } catch (int n) { printf("refused %d %d\n", n, Refuses::given_back); }

    Chain head;
    for (int i = 0; i < 5; i++) {
        auto next = std::make_unique<Chain>();
        next->number = i ? head.next->number : std::make_shared<int>(21);
        next->next = std::move(head.next);
        head.next = std::move(next);
    }
    std::weak_ptr<int> watch = head.next->number;
    printf("%d %d %ld\n", head.depth(), *head.next->number, head.next->number.use_count());
    head.next.reset();
    printf("%d\n", watch.expired());
    try { printf("%p\n", ::operator new(huge())); } catch (const std::bad_alloc &) { puts("no memory"); }
    return made - ended;
}
