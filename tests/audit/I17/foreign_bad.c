#include <stdio.h>
#include <stdlib.h>
struct device { int number; };
static char name[32];
static _Thread_local struct device *current;
static const char *write_name(int number) { snprintf(name, sizeof name, "disk"); name[4] = (char)('0' + number); return name; }
const char *disk_name(int number) { return write_name(number); }
struct device *device_open(void) { return calloc(1, sizeof(struct device)); }
int device_select(struct device *device) { int was = current ? current->number : 0; current = device; return was; }
