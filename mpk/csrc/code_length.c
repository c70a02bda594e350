/* code_length.c - instruction lengths of 64-bit code, from the opcode maps.
 *
 * Invariant: either the length that every x86-64 CPU gives the instruction, or 0.
 * tests/property/test_code_length.py holds it against a full disassembler.
 *
 * Attacker: chooses every byte. Looks at none outside code[0 .. left).
 *
 * Source: [SDM 2D A.3], tables; [SDM 2A 2.3] VEX, [SDM 2A 2.7] EVEX; AMD's
 * XOP maps 8 to 10 as in [APM 3 1.8].
 */
#include <stdbool.h>
#include "code_length.h"

#define LONGEST 15

/* What follows an opcode, one letter each:
 *   . nothing               1 imm8          2 imm16         z imm16 or imm32
 *   m ModRM                 b ModRM, imm8   i ModRM, immz   j immz that is a distance
 *   v imm16, imm32, imm64   e imm16, imm8   o an address    - unknown, prefix or escape
 *   f ModRM, and imm8 when its reg is 0 or 1;  g the same with immz */
static const char one_byte[] =
    "mmmm1z--mmmm1z--" /* 00 */ "mmmm1z--mmmm1z--" /* 10 */ "mmmm1z--mmmm1z--" /* 20 */
    "mmmm1z--mmmm1z--" /* 30 */ "----------------" /* 40 */ "................" /* 50 */
    "---m----zi1b...." /* 60 */ "1111111111111111" /* 70 */ "bi-bmmmmmmmmmmmm" /* 80 */
    "..........-....." /* 90 */ "oooo....1z......" /* A0 */ "11111111vvvvvvvv" /* B0 */
    "bb2.--bie.2..1-." /* C0 */ "mmmm---.mmmmmmmm" /* D0 */ "11111111jj-1...." /* E0 */
    "-.--..fg......mm" /* F0 */;
static const char two_bytes[] = /* behind 0F */
    "mmmm-.....-.-m.b" /* 00 */ "mmmmmmmmmmmmmmmm" /* 10 */ "--------mmmmmmmm" /* 20 */
    "......-.-------m" /* 30 */ "mmmmmmmmmmmmmmmm" /* 40 */ "mmmmmmmmmmmmmmmm" /* 50 */
    "mmmmmmmmmmmmmmmm" /* 60 */ "bbbbmmm.----mmmm" /* 70 */ "jjjjjjjjjjjjjjjj" /* 80 */
    "mmmmmmmmmmmmmmmm" /* 90 */ "...mbm--...mbmmm" /* A0 */ "mmmmmmmmmmbmmmmm" /* B0 */
    "mmbmbbbm........" /* C0 */ "mmmmmmmmmmmmmmmm" /* D0 */ "mmmmmmmmmmmmmmmm" /* E0 */
    "mmmmmmmmmmmmmmmm" /* F0 */;
_Static_assert(sizeof one_byte == 257 && sizeof two_bytes == 257, "a map has 256 opcodes");

struct cursor {
    const uint8_t *at, *end;
    bool operand_16, address_32, wide; /* prefixes 66 and 67, REX.W */
    bool repeat;                       /* F2 or F3 */
};

static int next(struct cursor *cursor) {
    return cursor->at < cursor->end ? *cursor->at++ : -1;
}

/* All legacy prefixes and a REX, which counts only right before the opcode. */
static void skip_prefixes(struct cursor *cursor) {
    for (; cursor->at < cursor->end; cursor->at++) {
        uint8_t byte = *cursor->at;
        switch (byte) {
        case 0x66: cursor->operand_16 = true; break;
        case 0x67: cursor->address_32 = true; break;
        case 0xF2: case 0xF3: cursor->repeat = true; break;
        case 0x26: case 0x2E: case 0x36: case 0x3E: case 0x64: case 0x65: case 0xF0: break;
        default:
            if ((byte & 0xF0) != 0x40) return;
            cursor->wide = byte & 8;
            continue;
        }
        cursor->wide = false;
    }
}

/* ModRM, SIB and displacement. Returns ModRM's reg field, or -1. */
static int skip_modrm(struct cursor *cursor) {
    int modrm = next(cursor);
    if (modrm < 0) return -1;
    unsigned mod = (unsigned)modrm >> 6, rm = modrm & 7, reg = (modrm >> 3) & 7;
    if (mod == 3) return (int)reg;
    if (rm == 4) {
        int sib = next(cursor);
        if (sib < 0) return -1;
        rm = sib & 7; /* from here on 5 means a displacement only, there as here */
    }
    if (mod == 1) cursor->at += 1;
    else if (mod == 2 || rm == 5) cursor->at += 4;
    return (int)reg;
}

/* What the letter says. Returns false for what is unknown. */
static bool skip_operands(struct cursor *cursor, char letter) {
    unsigned immediate = cursor->operand_16 && !cursor->wide ? 2 : 4;
    int reg = 0;
    if (letter == 'm' || letter == 'b' || letter == 'i' || letter == 'f' || letter == 'g') reg = skip_modrm(cursor);
    if (reg < 0) return false;
    switch (letter) {
    case '.': case 'm': return true;
    case '1': case 'b': cursor->at += 1; return true;
    case '2': cursor->at += 2; return true;
    case 'e': cursor->at += 3; return true;
    case 'z': case 'i': cursor->at += immediate; return true;
    case 'v': cursor->at += cursor->wide ? 8 : immediate; return true;
    case 'o': cursor->at += cursor->address_32 ? 4 : 8; return true;
    case 'f': cursor->at += reg < 2; return true;
    case 'g': cursor->at += reg < 2 ? immediate : 0; return true;
    case 'j': cursor->at += 4; return immediate == 4; /* 66: two bytes on AMD, four on Intel */
    default: return false;
    }
}

/* VEX, EVEX and XOP: the map is in the prefix. map: 1 is 0F, 2 is 0F38, 3 is 0F3A. */
static bool skip_vector(struct cursor *cursor, unsigned map, bool evex) {
    int opcode = next(cursor);
    if (opcode < 0) return false;
    switch (map) {
    case 1:
        if (opcode == 0x77) return !evex; /* VZEROUPPER has no operands */
        return skip_operands(cursor, two_bytes[opcode] == 'b' ? 'b' : 'm');
    case 2: case 9: return skip_operands(cursor, 'm');
    case 3: case 8: return skip_operands(cursor, 'b');
    case 5: case 6: return evex && skip_operands(cursor, 'm');
    case 10: return skip_modrm(cursor) >= 0 && (cursor->at += 4, true);
    default: return false;
    }
}

static bool skip_escape_0f(struct cursor *cursor) {
    int opcode = next(cursor);
    if (opcode < 0) return false;
    if (opcode == 0x38 || opcode == 0x3A) return next(cursor) >= 0 && skip_operands(cursor, opcode == 0x38 ? 'm' : 'b');
    return skip_operands(cursor, two_bytes[opcode]);
}

static bool skip_instruction(struct cursor *cursor) {
    skip_prefixes(cursor);
    int opcode = next(cursor), payload = cursor->at < cursor->end ? *cursor->at : 0;
    bool plain = !cursor->operand_16 && !cursor->repeat && !cursor->wide;
    switch (opcode) {
    case -1: return false;
    case 0x0F: return skip_escape_0f(cursor);
    case 0xC5: cursor->at += 1; return plain && skip_vector(cursor, 1, false);
    case 0xC4: cursor->at += 2; return plain && skip_vector(cursor, payload & 0x1F, false);
    case 0x62: cursor->at += 3; return plain && skip_vector(cursor, payload & 7, true);
    case 0x8F:
        if ((payload & 0x38) == 0) break; /* POP; else XOP, whose map number is 8 or more */
        cursor->at += 2;
        return plain && (payload & 0x1F) >= 8 && skip_vector(cursor, payload & 0x1F, false);
    default: break;
    }
    return skip_operands(cursor, one_byte[opcode]);
}

unsigned _mpk_code_length(const uint8_t *code, size_t left) {
    struct cursor cursor = {.at = code, .end = code + (left < LONGEST ? left : LONGEST)};
    if (!skip_instruction(&cursor) || cursor.at > cursor.end) return 0;
    return (unsigned)(cursor.at - code);
}
