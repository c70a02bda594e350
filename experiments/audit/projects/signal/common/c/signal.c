#include <stdint.h>
#include <stdlib.h>

struct sig_filter {
    int order, flags;
    double cutoff;
    float state[8];
};

struct sig_window {
    uint8_t shape;
    uint64_t width;
    uint16_t overlap;
    float scale;
};

struct sig_filter *sig_filter_new(int order, double cutoff, int flags)
{
    if (order < 1 || order > 8)
        return NULL;
    struct sig_filter *filter = calloc(1, sizeof *filter);
    if (!filter)
        return NULL;
    filter->order = order;
    filter->cutoff = cutoff;
    filter->flags = flags;
    return filter;
}

void sig_filter_free(struct sig_filter *filter)
{
    free(filter);
}

double sig_gain(const struct sig_filter *filter)
{
    return filter->cutoff * filter->order;
}

void sig_run(struct sig_filter *filter, const struct sig_window *window, float *samples, size_t count)
{
    size_t step = window->width > window->overlap ? (size_t)window->width - window->overlap : 1;
    for (size_t i = 0; i < count; i += step) {
        float kept = filter->state[i % 8];
        filter->state[i % 8] = samples[i];
        samples[i] = window->scale * (samples[i] + (window->shape ? kept : 0.0f));
    }
}

float sig_energy(const struct sig_filter *filter, float *samples, size_t count)
{
    float top = 0.0f, sum = 0.0f;
    for (size_t i = 0; i < count; i++)
        top = samples[i] > top ? samples[i] : top;
    for (size_t i = 0; i < count; i++) {
        samples[i] /= top > 0.0f ? top : 1.0f;
        sum += samples[i] * samples[i];
    }
    return count ? sum / (float)count * (float)filter->order : 0.0f;
}
