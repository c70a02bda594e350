#include <stddef.h>
#include <stdint.h>

struct Rect {
    uint8_t layer;
    double x, y;
    uint16_t flags;
};

struct Style {
    uint32_t colour;
    uint64_t width;
    float opacity;
};

struct Path {
    const double *points;
    size_t stride, count;
    int closed;
};

double geo_area(const struct Rect *rect)
{
    return rect->flags & 1 ? 0.0 : rect->x * rect->y;
}

double geo_stroke(const struct Style *style, double length)
{
    return (double)style->width * length * style->opacity;
}

double geo_length(const struct Path *path)
{
    double sum = 0.0;
    for (size_t i = 1; i < path->count; i++)
        sum += path->points[i * path->stride] - path->points[(i - 1) * path->stride];
    return path->closed ? 2.0 * sum : sum;
}

void geo_scale(struct Rect *rect, float factor)
{
    rect->x *= factor;
    rect->y *= factor;
}
