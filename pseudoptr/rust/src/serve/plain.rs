//! Plain moves and arithmetic, done here: one signal instead of two, and no need for the
//! thread to single-step, which virtual machines make slow.
//!
//! Source: \[SDM 1 3.4.3\] and \[SDM 2\] for the flags; tests/serve_differential.rs compares with the CPU.

use super::form::{Form, LONGEST};
use super::operand::Operand;
use super::register::{self, Part, low};
use crate::foreign::walk::Refused;
use crate::sys::{mpk_trap, mpk_trap_vector_get, mpk_trap_vector_set};
use yaxpeax_x86::long_mode::{Opcode, Operand as Explicit};

const CARRY: u64 = 1;
const PARITY: u64 = 1 << 2;
const ADJUST: u64 = 1 << 4;
const ZERO: u64 = 1 << 6;
const SIGN: u64 = 1 << 7;
const OVERFLOW: u64 = 1 << 11;
const STATUS: u64 = CARRY | PARITY | ADJUST | ZERO | SIGN | OVERFLOW;

/// How a vector register takes what was loaded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Above {
    /// Bytes behind the loaded ones are kept beyond 16, cleared below.
    KeptFrom16,
    /// All are cleared.
    Cleared,
}

enum Class {
    Move,
    MoveSigned,
    Vector(Above),
    Arithmetic,
}

fn class(opcode: Opcode) -> Option<Class> {
    use Above::{Cleared, KeptFrom16};
    Some(match opcode {
        Opcode::MOV | Opcode::MOVZX | Opcode::MOVNTI => Class::Move,
        Opcode::MOVSX | Opcode::MOVSXD => Class::MoveSigned,
        Opcode::MOVUPS
        | Opcode::MOVUPD
        | Opcode::MOVAPS
        | Opcode::MOVAPD
        | Opcode::MOVDQU
        | Opcode::MOVDQA
        | Opcode::LDDQU
        | Opcode::MOVNTDQ
        | Opcode::MOVNTDQA
        | Opcode::MOVNTPS
        | Opcode::MOVNTPD
        | Opcode::MOVD
        | Opcode::MOVQ
        | Opcode::MOVSS
        | Opcode::MOVSD => Class::Vector(KeptFrom16),
        Opcode::VMOVUPS
        | Opcode::VMOVUPD
        | Opcode::VMOVAPS
        | Opcode::VMOVAPD
        | Opcode::VMOVDQU
        | Opcode::VMOVDQA
        | Opcode::VMOVDQU8
        | Opcode::VMOVDQU16
        | Opcode::VMOVDQU32
        | Opcode::VMOVDQU64
        | Opcode::VMOVDQA32
        | Opcode::VMOVDQA64
        | Opcode::VLDDQU
        | Opcode::VMOVNTDQ
        | Opcode::VMOVNTDQA
        | Opcode::VMOVNTPS
        | Opcode::VMOVNTPD
        | Opcode::VMOVD
        | Opcode::VMOVQ
        | Opcode::VMOVSS
        | Opcode::VMOVSD => Class::Vector(Cleared),
        Opcode::CMP
        | Opcode::TEST
        | Opcode::ADD
        | Opcode::SUB
        | Opcode::AND
        | Opcode::OR
        | Opcode::XOR
        | Opcode::INC
        | Opcode::DEC => Class::Arithmetic,
        _ => return None,
    })
}

/// Does it only carry bytes?
pub(super) fn is_a_move(opcode: Opcode) -> bool {
    matches!(class(opcode), Some(Class::Move | Class::Vector(_)))
}

/// Those that fault on an operand which is not aligned to its size.
fn must_be_aligned(opcode: Opcode) -> bool {
    matches!(
        opcode,
        Opcode::MOVAPS
            | Opcode::MOVAPD
            | Opcode::MOVDQA
            | Opcode::MOVNTDQ
            | Opcode::MOVNTDQA
            | Opcode::MOVNTPS
            | Opcode::MOVNTPD
            | Opcode::VMOVAPS
            | Opcode::VMOVAPD
            | Opcode::VMOVDQA
            | Opcode::VMOVDQA32
            | Opcode::VMOVDQA64
            | Opcode::VMOVNTDQ
            | Opcode::VMOVNTDQA
            | Opcode::VMOVNTPS
            | Opcode::VMOVNTPD
    )
}

/// The operand that is not in memory: register or constant.
#[derive(Clone, Copy)]
enum Other {
    General(Part),
    Vector(u32),
    Constant(u64),
    None,
}

fn other(form: &Form) -> Option<Other> {
    if form.instruction.operand_count() == 1 {
        return Some(Other::None);
    }
    if form.instruction.operand_count() != 2 {
        return None;
    }
    Some(match form.instruction.operand(1 - form.operand) {
        Explicit::Register { reg } | Explicit::RegisterMaskMerge { reg, .. } => {
            match (register::part(reg), register::vector(reg)) {
                (Some(part), _) => Other::General(part),
                (_, Some(number)) => Other::Vector(number),
                _ => return None,
            }
        }
        Explicit::ImmediateI8 { imm } => Other::Constant(i64::from(imm) as u64),
        Explicit::ImmediateU8 { imm } => Other::Constant(imm.into()),
        Explicit::ImmediateI16 { imm } => Other::Constant(i64::from(imm) as u64),
        Explicit::ImmediateU16 { imm } => Other::Constant(imm.into()),
        Explicit::ImmediateI32 { imm } => Other::Constant(i64::from(imm) as u64),
        Explicit::ImmediateU32 { imm } => Other::Constant(imm.into()),
        Explicit::ImmediateI64 { imm } => Other::Constant(imm as u64),
        Explicit::ImmediateU64 { imm } => Other::Constant(imm),
        _ => return None,
    })
}

/// Is it one of these?
pub(super) fn can(form: &Form, handle: u64) -> bool {
    let opcode = form.instruction.opcode();
    let (Some(class), Some(other)) = (class(opcode), other(form)) else {
        return false;
    };
    let aligned = !must_be_aligned(opcode) || handle.is_multiple_of(u64::from(form.bytes));
    let fits = match (class, other) {
        (Class::Vector(_), Other::Vector(_)) => true,
        (Class::Move, Other::Constant(_)) => form.writes,
        (Class::Move | Class::MoveSigned, Other::General(_)) => true,
        (Class::Arithmetic, Other::None) => matches!(opcode, Opcode::INC | Opcode::DEC),
        (Class::Arithmetic, Other::General(_) | Other::Constant(_)) => form.bytes <= 8,
        _ => false,
    };
    fits && aligned && !form.locked && !form.is_masked()
}

/// An error: the type of the lease refuses what would be written; it is not.
/// pre: `can`; the operand was taken.
pub(super) fn perform(
    trap: &mut mpk_trap,
    form: &Form,
    operand: &mut Operand,
) -> Result<(), Refused> {
    let (Some(class), Some(other)) = (class(form.instruction.opcode()), other(form)) else {
        return Ok(());
    };
    match (class, other) {
        (Class::Vector(above), Other::Vector(number)) => {
            vector(trap, form, operand, number, above);
        }
        (Class::Arithmetic, _) => return arithmetic(trap, form, operand, other),
        (_, Other::General(part)) if form.writes => {
            let value = part.get(&trap.registers);
            operand.bytes[..8].copy_from_slice(&value.to_le_bytes());
        }
        (class, Other::General(part)) => {
            let mut value = low(word(operand), form.bytes);
            if matches!(class, Class::MoveSigned) {
                value = signed(value, form.bytes);
            }
            part.set(&mut trap.registers, value);
        }
        (_, Other::Constant(value)) => {
            operand.bytes[..8].copy_from_slice(&value.to_le_bytes());
        }
        _ => {}
    }
    if form.writes { operand.put() } else { Ok(()) }
}

fn vector(trap: &mut mpk_trap, form: &Form, operand: &mut Operand, number: u32, above: Above) {
    let mut register = [0u8; LONGEST];
    // SAFETY: called by the server with its trap; the buffers are 64 bytes.
    unsafe { mpk_trap_vector_get(trap, number, register.as_mut_ptr()) };
    let count = form.bytes as usize;
    if form.writes {
        operand.bytes[..count].copy_from_slice(&register[..count]);
        return;
    }
    let cleared = if above == Above::Cleared { LONGEST } else { 16 };
    register[..cleared].fill(0);
    register[..count].copy_from_slice(&operand.bytes[..count]);
    // SAFETY: as above.
    unsafe { mpk_trap_vector_set(trap, number, register.as_ptr()) };
}

fn word(operand: &Operand) -> u64 {
    operand
        .bytes
        .first_chunk()
        .map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

fn signed(value: u64, bytes: u32) -> u64 {
    let unused = 64 - 8 * bytes.clamp(1, 8);
    ((value << unused) as i64 >> unused) as u64
}

fn arithmetic(
    trap: &mut mpk_trap,
    form: &Form,
    operand: &mut Operand,
    other: Other,
) -> Result<(), Refused> {
    let in_memory = low(word(operand), form.bytes);
    let value = match other {
        Other::General(part) => part.get(&trap.registers),
        Other::Constant(value) => low(value, form.bytes),
        Other::Vector(_) | Other::None => 1,
    };
    // Intel's order: what is first is changed, or compared with what is second.
    let (first, second) = if form.operand == 0 {
        (in_memory, value)
    } else {
        (value, in_memory)
    };
    let opcode = form.instruction.opcode();
    let (result, flags) = compute(opcode, first, second, form.bytes);
    let keeps_carry = matches!(opcode, Opcode::INC | Opcode::DEC);
    let changed = if keeps_carry { STATUS & !CARRY } else { STATUS };
    trap.flags = trap.flags & !changed | flags & changed;
    if form.writes {
        operand.bytes[..8].copy_from_slice(&result.to_le_bytes());
        return operand.put();
    }
    if let (Other::General(part), false) = (other, is_comparison(opcode)) {
        part.set(&mut trap.registers, result);
    }
    Ok(())
}

fn is_comparison(opcode: Opcode) -> bool {
    matches!(opcode, Opcode::CMP | Opcode::TEST)
}

/// The result and all status flags. pre: both fit in `bytes`.
fn compute(opcode: Opcode, first: u64, second: u64, bytes: u32) -> (u64, u64) {
    let top = 8 * bytes - 1;
    let bit = |value: u64, flag: u64| if value & 1 == 1 { flag } else { 0 };
    let (result, mut flags) = match opcode {
        Opcode::ADD | Opcode::INC => {
            let result = low(first.wrapping_add(second), bytes);
            let carry = u64::from(result < first);
            let overflow = (first ^ result) & (second ^ result);
            (result, bit(carry, CARRY) | bit(overflow >> top, OVERFLOW))
        }
        Opcode::SUB | Opcode::CMP | Opcode::DEC => {
            let result = low(first.wrapping_sub(second), bytes);
            let carry = u64::from(first < second);
            let overflow = (first ^ second) & (first ^ result);
            (result, bit(carry, CARRY) | bit(overflow >> top, OVERFLOW))
        }
        Opcode::OR => (first | second, 0),
        Opcode::XOR => (first ^ second, 0),
        _ => (first & second, 0),
    };
    let sums = !matches!(
        opcode,
        Opcode::OR | Opcode::XOR | Opcode::AND | Opcode::TEST
    );
    if sums {
        flags |= bit((first ^ second ^ result) >> 4, ADJUST);
    }
    flags |= bit(u64::from(result == 0), ZERO) | bit(result >> top, SIGN);
    let odd = u64::from((result as u8).count_ones());
    (result, flags | bit(odd + 1, PARITY))
}
