#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
struct device { int number; };
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char name[32];
static atomic_int count;
static unsigned seed;
static _Thread_local struct device *current;
static const char *write_name(int number) { name[4] = (char)('0' + number); return name; }
void disk_name(int number, char *out) {
    pthread_mutex_lock(&mutex);
    memcpy(out, write_name(number), sizeof name);
    pthread_mutex_unlock(&mutex);
}
int next(void) { return ++count; }
unsigned reseeded(unsigned by) { seed += by; return seed; }
int device_select(struct device *device) { int was = current ? current->number : 0; current = device; return was; }
int pure(int n) { return n * 2; }
