#include <stdint.h>
#include <stdlib.h>

struct request;

struct dev {
    uint32_t number;
    int state;
    struct request *pending;
};

struct request {
    struct dev *device;
    void (*done)(void *, int);
    void *user;
};

static unsigned char *watched;
static size_t watched_bytes;

struct dev *dev_open(uint32_t number)
{
    struct dev *device = calloc(1, sizeof *device);
    if (device)
        device->number = number;
    return device;
}

static void notify(int state)
{
    if (watched && watched_bytes)
        watched[0] = (unsigned char)state;
}

void dev_close(struct dev *device)
{
    struct request *pending = device->pending;
    if (pending && pending->done)
        pending->done(pending->user, -1);
    notify(0);
    free(device);
}

int dev_state(const struct dev *device)
{
    return device->state;
}

void dev_watch(unsigned char *buffer, size_t count)
{
    watched = buffer;
    watched_bytes = count;
}

struct request *dev_request_new(struct dev *device)
{
    struct request *request = calloc(1, sizeof *request);
    if (request)
        request->device = device;
    return request;
}

int dev_request_submit(struct request *request, void (*done)(void *, int), void *user)
{
    if (request->device->pending)
        return -1;
    request->done = done;
    request->user = user;
    request->device->pending = request;
    request->device->state = 1;
    notify(1);
    return 0;
}

void dev_request_free(struct request *request)
{
    if (request->device->pending == request)
        request->device->pending = NULL;
    free(request);
}

int dev_request_cancel(struct request *request)
{
    int was_pending = request->device->pending == request;
    dev_request_free(request);
    return was_pending ? 0 : -1;
}
