// Virtual calls, casts by run-time type, member pointers: tables reached through objects of any kind.
#include <cstdio>
#include <cstdint>
#include <new>
#include <typeinfo>

namespace {
struct Shape {
    int id;
    explicit Shape(int i) : id(i) {}
    virtual ~Shape() { printf("~shape %d\n", id); }
    virtual double area() const = 0;
    virtual Shape *copy() const = 0;
    int plain(int n) const { return id + n; }
};
struct Named {
    char name[12];
    explicit Named(const char *n) { snprintf(name, sizeof name, "%s", n); }
    virtual ~Named() = default;
    virtual const char *called() const { return name; }
};
struct Square final : Shape, Named {
    double side;
    Square(int i, double s) : Shape(i), Named("square"), side(s) {}
    double area() const override { return side * side; }
    Square *copy() const override { return new Square(id + 10, side); }
};
struct Counted : virtual Named {
    int count = 3;
    Counted() : Named("counted") {}
    virtual int up() { return ++count; }
};
struct Marked : virtual Named {
    int mark = 5;
    Marked() : Named("marked") {}
    const char *called() const override { return "by mark"; }
};
struct Both : Counted, Marked {
    long total = 9;
    Both() : Named("both") {}
    int up() override { return Counted::up() + mark; }
};
struct Circle : Shape {
    double radius;
    Circle(int i, double r) : Shape(i), radius(r) {}
    double area() const override { return 3 * radius * radius; }
    Shape *copy() const override { return new Circle(*this); }
};

__attribute__((noinline)) double whole(Shape *const *shapes, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += shapes[i]->area();
    return sum;
}
__attribute__((noinline)) void look(Shape *shape) {
    if (auto *square = dynamic_cast<Square *>(shape)) printf("square %.1f\n", square->side);
    auto *named = dynamic_cast<Named *>(shape); // across
    printf("%s %s %d\n", typeid(*shape).name(), named ? named->called() : "-", dynamic_cast<void *>(shape) == shape);
}
} // namespace

extern "C" int main() {
    Square own(1, 2);
    Shape *shapes[4] = {&own, new Square(2, 3), new Circle(3, 1), nullptr};
    shapes[3] = shapes[1]->copy();
    printf("%.2f\n", whole(shapes, 4));
    for (Shape *each : shapes) look(each);
    double (Shape::*measure)() const = &Shape::area;
    int (Shape::*plain)(int) const = &Shape::plain;
    int Shape::*field = &Shape::id;
    for (Shape *each : shapes) printf("%.1f %d %d\n", (each->*measure)(), (each->*plain)(5), each->*field);
    for (int i = 1; i < 4; i++) delete shapes[i];

    auto *both = new Both;
    Counted *counted = both;
    Named *named = both;
    printf("%d %s %s\n", counted->up(), named->called(), counted->name);
    printf("%d %d\n", dynamic_cast<Marked *>(counted)->mark, dynamic_cast<Both *>(named) == both);
    try {
        Square &wrong = dynamic_cast<Square &>(*named);
        printf("%f\n", wrong.side);
    } catch (const std::bad_cast &) { puts("bad cast"); }
    int (Counted::*up)() = &Counted::up;
    printf("%d\n", (both->*up)());
    delete named;

    alignas(Circle) unsigned char place[sizeof(Circle)];
    Shape *placed = new (place) Circle(7, 2);
    printf("%.1f %d\n", placed->area(), typeid(*placed) == typeid(Circle));
    placed->~Shape();
    return 0;
}
