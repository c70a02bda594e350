//! Random instructions with a memory operand, of the kinds that compilers and libc use.

/// It differs between the two runs.
const NOT_RSP: [u8; 7] = [0, 1, 2, 3, 5, 6, 7];

/// Numbers that are the same each time.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
    pub fn of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }
}

/// Legacy map 0: opcode and, where it is part of the opcode, /r.
const GENERAL: [(u8, &[u8]); 16] = [
    (0x00, &[]),
    (0x08, &[]),
    (0x10, &[]),
    (0x18, &[]),
    (0x20, &[]),
    (0x28, &[]),
    (0x30, &[]),
    (0x38, &[]),
    (0x80, &[0, 1, 2, 3, 4, 5, 6, 7]),
    (0x84, &[]),
    (0x86, &[]),
    (0x88, &[]),
    (0xc0, &[0, 1, 4, 5, 7]),
    (0xc6, &[0]),
    (0xf6, &[0, 2, 3, 4, 5]),
    (0xfe, &[0, 1]),
];
/// Of map 1, without vectors: opcode, bytes of the constant behind it.
const GENERAL_1: [(u8, usize); 11] = [
    (0xb6, 0),
    (0xb7, 0),
    (0xbe, 0),
    (0xbf, 0),
    (0xaf, 0),
    (0xb0, 0),
    (0xb1, 0),
    (0xc0, 0),
    (0xc1, 0),
    (0xc3, 0),
    (0x94, 0),
];
/// Of map 1 with a vector: mandatory prefix, opcode, bytes of the constant behind it.
const VECTOR: [(u8, u8, usize); 40] = [
    (0, 0x10, 0),
    (0x66, 0x10, 0),
    (0xf3, 0x10, 0),
    (0xf2, 0x10, 0),
    (0, 0x11, 0),
    (0x66, 0x11, 0),
    (0xf3, 0x11, 0),
    (0xf2, 0x11, 0),
    (0, 0x28, 0),
    (0, 0x29, 0),
    (0x66, 0x28, 0),
    (0x66, 0x29, 0),
    (0x66, 0x6f, 0),
    (0xf3, 0x6f, 0),
    (0x66, 0x7f, 0),
    (0xf3, 0x7f, 0),
    (0x66, 0x6e, 0),
    (0x66, 0x7e, 0),
    (0xf3, 0x7e, 0),
    (0x66, 0xd6, 0),
    (0x66, 0xe7, 0),
    (0, 0x2b, 0),
    (0xf2, 0xf0, 0),
    (0x66, 0x74, 0),
    (0x66, 0x75, 0),
    (0x66, 0x76, 0),
    (0x66, 0xda, 0),
    (0x66, 0xde, 0),
    (0x66, 0xef, 0),
    (0x66, 0xfe, 0),
    (0x66, 0xd4, 0),
    (0x66, 0x70, 1),
    (0, 0x12, 0),
    (0, 0x13, 0),
    (0, 0x16, 0),
    (0, 0x17, 0),
    (0x66, 0x60, 0),
    (0x66, 0x6c, 0),
    (0xf2, 0x12, 0),
    (0x66, 0xc4, 1),
];
const LOCKABLE: [u8; 7] = [0x00, 0x08, 0x20, 0x28, 0x30, 0x80, 0xfe];

/// The register byte and what follows: [base + displacement], base in a register of 0 to 7.
fn operand(random: &mut Random, register: u8, base: u8, code: &mut Vec<u8>) {
    operand_by(random, register, base, 1, code);
}

/// The same with the displacement a multiple of `step`.
fn operand_by(random: &mut Random, register: u8, base: u8, step: i32, code: &mut Vec<u8>) {
    let short = random.below(2) == 0;
    code.push(if short { 0x40 } else { 0x80 } | register << 3 | base);
    let displacement = (random.below(64) as i32 - 32) / step * step;
    if short {
        code.push(displacement as u8);
    } else {
        code.extend(displacement.to_le_bytes());
    }
}

/// A register that does not hold the pointer, which is another number in the other run.
fn other_than(base: u8) -> u8 {
    u8::from(base == 0)
}

fn general(random: &mut Random, base: u8, code: &mut Vec<u8>) {
    let (mut opcode, fixed) = random.of(&GENERAL);
    let wide = random.below(4) != 0;
    let register = match fixed {
        [] if !wide => random.below(8) as u8,
        [] => random.of(&NOT_RSP),
        fixed => random.of(fixed),
    };
    let (word, quad) = (random.below(6) == 0, random.below(2) == 0);
    if LOCKABLE.contains(&opcode) && !(opcode == 0x80 && register == 7) && random.below(4) == 0 {
        code.push(0xf0);
    }
    if word && wide {
        code.push(0x66);
    }
    if quad && wide {
        code.push(0x48);
    }
    // Some of these have the memory operand second.
    let locked = code.first() == Some(&0xf0);
    if fixed.is_empty()
        && !locked
        && opcode < 0x40 | 0x80
        && random.below(2) == 0
        && !matches!(opcode, 0x84 | 0x86)
    {
        opcode |= 2;
    }
    let opcode = if wide { opcode | 1 } else { opcode };
    let same = register == base || !wide && register == base + 4; // AH and its like
    let register = if same && fixed.is_empty() && !matches!(opcode, 0x8a | 0x8b) {
        other_than(base)
    } else {
        register
    };
    code.push(opcode);
    let atomic = locked || matches!(opcode, 0x86 | 0x87);
    operand_by(random, register, base, if atomic { 8 } else { 1 }, code);
    let constant = match opcode {
        0x80 | 0xc0 | 0xc1 | 0xc6 => 1,
        0xf6 if register == 0 => 1,
        0x81 | 0xc7 => {
            if word && !quad {
                2
            } else {
                4
            }
        }
        0xf7 if register == 0 => {
            if word && !quad {
                2
            } else {
                4
            }
        }
        _ => 0,
    };
    code.extend((0..constant).map(|_| random.next() as u8 & 0x7f));
}

fn general_1(random: &mut Random, base: u8, code: &mut Vec<u8>) {
    let (opcode, constant) = random.of(&GENERAL_1);
    let conditional = random.below(4) == 0;
    let opcode = if conditional {
        0x40 + random.below(16) as u8
    } else {
        opcode
    };
    if matches!(opcode, 0xb0 | 0xb1 | 0xc0 | 0xc1) && random.below(2) == 0 {
        code.push(0xf0);
    }
    code.push(random.of(&[0x40, 0x48]));
    code.extend([0x0f, opcode]);
    let register = if opcode == 0x94 {
        0
    } else {
        random.of(&NOT_RSP)
    };
    let register = if register == base && !matches!(opcode, 0xb6..=0xbf) {
        other_than(base)
    } else {
        register
    };
    let atomic = code[0] == 0xf0;
    operand_by(random, register, base, if atomic { 8 } else { 1 }, code);
    code.extend((0..constant).map(|_| random.next() as u8));
}

fn vector(random: &mut Random, base: u8, code: &mut Vec<u8>) {
    let (prefix, opcode, constant) = random.of(&VECTOR);
    let register = random.below(8) as u8;
    if random.below(2) == 0 {
        let map = [0, 0x66, 0xf3, 0xf2]
            .iter()
            .position(|known| *known == prefix);
        let scalar = matches!(
            opcode,
            0x6e | 0x7e | 0xd6 | 0x12 | 0x13 | 0x16 | 0x17 | 0xc4
        ) || matches!((prefix, opcode), (0xf2 | 0xf3, 0x10 | 0x11));
        let long = u8::from(!scalar && random.below(2) == 0) << 2;
        let loads_one = matches!(
            opcode,
            0x12 | 0x16 | 0xc4 | 0x74..=0x76 | 0xda | 0xde | 0xef | 0xfe | 0xd4 | 0x60 | 0x6c
        ) && (prefix, opcode) != (0xf2, 0x12);
        let source = if loads_one { random.below(8) as u8 } else { 0 };
        code.extend([
            0xc5,
            0x80 | (!source & 15) << 3 | long | map.unwrap_or(0) as u8,
            opcode,
        ]);
    } else {
        if prefix != 0 {
            code.push(prefix);
        }
        if random.below(3) == 0 && matches!(opcode, 0x6e | 0x7e) && prefix == 0x66 {
            code.push(0x48);
        }
        code.extend([0x0f, opcode]);
    }
    let anywhere =
        matches!(opcode, 0x10..=0x17 | 0x6e | 0x7e | 0xd6 | 0xc4 | 0xf0) || prefix == 0xf3;
    let step = if anywhere { 1 } else { 32 };
    operand_by(random, register, base, step, code);
    code.extend((0..constant).map(|_| random.next() as u8));
}

/// LODS, SCAS, STOS and MOVS, once or repeated a few times; RSI, RDI and RCX are theirs.
fn string(random: &mut Random, code: &mut Vec<u8>) -> u8 {
    let opcode = random.of(&[0xacu8, 0xae, 0xaa, 0xa4]);
    if random.below(2) == 0 {
        code.push(random.of(&[0xf3, 0xf2]));
    }
    if random.below(3) == 0 {
        code.push(0x48);
    }
    code.push(opcode | random.below(2) as u8);
    if opcode == 0xac || opcode == 0xa4 {
        6
    } else {
        7
    }
}

/// One instruction and its return; the register that points into the object.
pub fn instruction(random: &mut Random) -> (Vec<u8>, u8) {
    let mut code = Vec::new();
    let mut base = random.of(&NOT_RSP);
    match random.below(8) {
        0..=2 => general(random, base, &mut code),
        3 => general_1(random, base, &mut code),
        4..=6 => vector(random, base, &mut code),
        _ if random.below(3) == 0 => {
            code.push(0xff);
            operand(random, 6, base, &mut code); // push
            code.extend([0x41, 0x5f]);
        }
        _ => base = string(random, &mut code),
    }
    code.push(0xc3);
    (code, base)
}
