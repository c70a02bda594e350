#include <stdint.h>
#include <stdlib.h>

struct clock {
    uint64_t ticks_per_second, offset;
};

struct timer {
    void (*tick)(void *, uint64_t);
    void *data;
    uint64_t ticks;
};

static const struct clock *the_clock;
static void (*named)(const char *);
static int (*limit_of)(int);

struct timer *timer_new(void)
{
    return calloc(1, sizeof(struct timer));
}

void timer_free(struct timer *timer)
{
    free(timer);
}

void timer_every(struct timer *timer, void (*tick)(void *, uint64_t), void *data)
{
    timer->tick = tick;
    timer->data = data;
}

void timer_tick(struct timer *timer, uint64_t now)
{
    uint64_t scaled = the_clock ? (now + the_clock->offset) * the_clock->ticks_per_second : now;
    timer->ticks++;
    if (limit_of && timer->ticks > (uint64_t)limit_of((int)(scaled % 8)))
        return;
    if (named)
        named("tick");
    if (timer->tick)
        timer->tick(timer->data, scaled);
}

void timer_use_clock(const struct clock *clock)
{
    the_clock = clock;
}

void timer_on_name(void (*name)(const char *), int (*index)(int))
{
    named = name;
    limit_of = index;
}
