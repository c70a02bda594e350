#define _GNU_SOURCE
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096

unsigned char *emitter_new(int value)
{
    unsigned char *code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (code == MAP_FAILED)
        return NULL;
    code[0] = 0xb8;
    memcpy(code + 1, &value, sizeof value);
    code[5] = 0xc3;
    if (mmap(code, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != MAP_FAILED) {
        munmap(code, PAGE);
        return NULL;
    }
    return code;
}

int emitter_run(const unsigned char *code)
{
    int value;
    memcpy(&value, code + 1, sizeof value);
    return value;
}

void emitter_free(unsigned char *code)
{
    munmap(code, PAGE);
}

/* Does the code begin with the header of the old format? */
int emitter_magic(const unsigned char *code)
{
    uint32_t head;
    memcpy(&head, code, sizeof head);
    return code[0] == 0x0f && code[1] == 0x01 && (head >> 16) == 0x00efu;
}
