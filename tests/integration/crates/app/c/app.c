/* Three ways to use what Rust lends: properly, once too far, and after the call. */
#include <stddef.h>
#include <stdint.h>

void app_fill(unsigned char *at, size_t bytes, int value) {
    for (size_t i = 0; i < bytes; i++) {
        at[i] = (unsigned char)value;
    }
}

static uintptr_t remembered;
void app_remember(uintptr_t address) { remembered = address; }
void app_use_remembered(void) { *(volatile long *)remembered = -1; }
