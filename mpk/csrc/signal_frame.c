/* signal_frame.c - see signal_frame.h.
 *
 * Invariant: the frame is changed only where its own description (software
 * bytes, feature bits, size) says that the field exists.
 *
 * The decoder knows prefixes, REX, VEX, EVEX, the opcode maps and ModRM/SIB: what
 * it takes to find a memory operand; it need not know instructions. It reads the
 * bytes at a pc that just executed. It only informs a report.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <ucontext.h>
#include "internal.h"
#include "signal_frame.h"

#define SOFTWARE_BYTES 464     /* offset in the XSAVE area */
#define XSTATE_HEADER 512
#define MAGIC1 0x46505853u
#define FEATURE_PKRU ((uint64_t)1 << 9)
#define XSAVE_PKRU 9
#define ERROR_WRITE 2u
#define ERROR_FETCH 16u
#define TRAP_STACK 12
#define TRAP_PROTECTION 13

struct software_bytes { uint32_t magic1, extended_bytes; uint64_t features; uint32_t xstate_bytes; };

static uint8_t *pkru_field(void *context) {
    uint8_t *area = (uint8_t *)((ucontext_t *)context)->uc_mcontext.fpregs;
    struct software_bytes software;
    const struct xsave_part *part = &MPK_RUNTIME->xsave[XSAVE_PKRU];
    if (!area) return NULL;
    memcpy(&software, area + SOFTWARE_BYTES, sizeof software);
    if (software.magic1 != MAGIC1 || !(software.features & FEATURE_PKRU)) return NULL;
    if (part->bytes < sizeof(uint32_t) || part->offset + part->bytes > software.xstate_bytes) return NULL;
    return area + part->offset;
}

bool _mpk_frame_pkru(void *context, uint32_t *value) {
    const uint8_t *field = pkru_field(context);
    uint64_t present;
    if (!field) return false;
    memcpy(&present, (uint8_t *)((ucontext_t *)context)->uc_mcontext.fpregs + XSTATE_HEADER, sizeof present);
    *value = 0; /* the initial state, which XSAVE need not write */
    if (present & FEATURE_PKRU) memcpy(value, field, sizeof *value);
    return true;
}

void _mpk_frame_set_pkru(void *context, uint32_t value) {
    uint8_t *header = (uint8_t *)((ucontext_t *)context)->uc_mcontext.fpregs + XSTATE_HEADER;
    uint64_t present;
    memcpy(pkru_field(context), &value, sizeof value);
    memcpy(&present, header, sizeof present);
    present |= FEATURE_PKRU;
    memcpy(header, &present, sizeof present);
}

static uint64_t reg(const void *context, int index) {
    return (uint64_t)((const ucontext_t *)context)->uc_mcontext.gregs[index];
}

uint64_t _mpk_frame_pc(const void *context) { return reg(context, REG_RIP); }

uint32_t _mpk_frame_access(const void *context) {
    uint64_t error = reg(context, REG_ERR);
    return error & ERROR_FETCH ? MPK_ACCESS_EXECUTE : error & ERROR_WRITE ? MPK_ACCESS_WRITE : MPK_ACCESS_READ;
}

bool _mpk_frame_is_address_trap(const void *context) {
    uint64_t trap = reg(context, REG_TRAPNO);
    return trap == TRAP_STACK || trap == TRAP_PROTECTION;
}

void _mpk_frame_continue(void *context, uintptr_t function, uintptr_t first, uintptr_t second) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    registers[REG_RIP] = (greg_t)function;
    registers[REG_RDI] = (greg_t)first;
    registers[REG_RSI] = (greg_t)second;
}

/* By the number that instructions use. */
static const int numbered[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                 REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

uint64_t _mpk_frame_get(const void *context, uint64_t *registers) {
    for (int i = 0; i < 16; i++) registers[i] = reg(context, numbered[i]);
    return reg(context, REG_EFL);
}

void _mpk_frame_put(void *context, const uint64_t *registers, uint64_t pc, uint64_t flags) {
    greg_t *to = ((ucontext_t *)context)->uc_mcontext.gregs;
    for (int i = 0; i < 16; i++) to[numbered[i]] = (greg_t)registers[i];
    to[REG_RIP] = (greg_t)pc;
    to[REG_EFL] = (greg_t)flags;
}

uintptr_t _mpk_frame_vectors(const void *context) {
    return (uintptr_t)((const ucontext_t *)context)->uc_mcontext.fpregs;
}

struct code { const uint8_t *at; unsigned map, base_bit, index_bit; uint8_t opcode; };

/* Steps over prefixes and opcode. */
static void decode_opcode(struct code *code) {
    const uint8_t *at = code->at;
    while (*at == 0x66 || *at == 0x67 || *at == 0xf2 || *at == 0xf3 || *at == 0xf0 || *at == 0x2e ||
           *at == 0x36 || *at == 0x3e || *at == 0x26 || *at == 0x64 || *at == 0x65)
        at++;
    if ((*at & 0xf0) == 0x40) { /* REX */
        code->base_bit = *at & 1;
        code->index_bit = (*at >> 1) & 1;
        at++;
    }
    if (*at == 0xc5) { /* VEX, two bytes: map 1 */
        code->map = 1;
        at += 2;
    } else if (*at == 0xc4 || *at == 0x62) { /* VEX, three bytes; EVEX, four: X and B inverted */
        code->map = at[1] & 7;
        code->base_bit = !(at[1] & 0x20);
        code->index_bit = !(at[1] & 0x40);
        at += *at == 0xc4 ? 3 : 4;
    } else if (*at == 0x0f) {
        code->map = at[1] == 0x38 ? 2 : at[1] == 0x3a ? 3 : 1;
        at += code->map == 1 ? 1 : 2;
    }
    code->opcode = *at++;
    code->at = at;
}

static uint32_t access_of(const struct code *code) {
    if (code->map == 0)
        switch (code->opcode) {
        case 0x88: case 0x89: case 0xc6: case 0xc7: return MPK_ACCESS_WRITE;
        case 0x8a: case 0x8b: case 0x63: case 0x3b: case 0x39: case 0x38: case 0x3a: return MPK_ACCESS_READ;
        default: return 0;
        }
    if (code->map == 1)
        switch (code->opcode) {
        case 0x11: case 0x13: case 0x17: case 0x29: case 0x2b: case 0x7f: case 0xd6: case 0xe7:
            return MPK_ACCESS_WRITE;
        case 0x10: case 0x12: case 0x16: case 0x28: case 0x6f: case 0x6e:
        case 0xb6: case 0xb7: case 0xbe: case 0xbf:
            return MPK_ACCESS_READ;
        default: return 0;
        }
    return 0;
}

static struct memory_operand decode(const void *context) {
    struct code code = {.at = (const uint8_t *)_mpk_frame_pc(context)};
    struct memory_operand operand = {0};
    decode_opcode(&code);
    uint8_t modrm = *code.at++;
    unsigned mode = modrm >> 6, rm = modrm & 7;
    int32_t displacement = 0;
    if (mode == 3 || (mode == 0 && rm == 5)) return operand; /* no memory, or relative to the pc */
    bool has_base = true;
    if (rm == 4) {
        uint8_t sib = *code.at++;
        unsigned index = ((sib >> 3) & 7) | code.index_bit << 3;
        if (index != 4) operand.address += reg(context, numbered[index]) << (sib >> 6);
        rm = sib & 7;
        has_base = !(mode == 0 && rm == 5);
    }
    if (has_base) operand.address += reg(context, numbered[rm | code.base_bit << 3]);
    if (mode == 1) displacement = (int8_t)*code.at;
    else if (mode == 2 || !has_base) memcpy(&displacement, code.at, sizeof displacement);
    operand.address += (uint64_t)(int64_t)displacement;
    operand.access = access_of(&code);
    operand.found = true;
    return operand;
}

struct memory_operand _mpk_frame_tagged_operand(const void *context, uint64_t tag_shift, uint64_t tag) {
    struct memory_operand operand = decode(context);
    if (operand.found && operand.address >> tag_shift == tag) return operand;
    /* A string instruction, a call, or an EVEX displacement: any register that fits. */
    operand = (struct memory_operand){0};
    for (int i = 0; i < 16 && !operand.found; i++) {
        if (reg(context, numbered[i]) >> tag_shift != tag) continue;
        operand.address = reg(context, numbered[i]);
        operand.found = true;
    }
    return operand;
}
