//! One instruction, performed by the thread itself on a copy of its operand.
//!
//! The register that holds the handle *borrows* the copy's address: the window has the operand at
//! the same place in a page, so that alignment and the register's low 12 bits stay what they
//! were. Afterwards the register is put back, unless the instruction wrote it, and what the
//! instruction wrote goes home, with the lease checked again.
//!
//! A locked instruction goes home by compare and swap; if somebody else was first,
//! everything is put back and the instruction is performed anew.
//!
//! Not possible, and declined: instructions that also read the borrowed register as data.
//!
//! Attacker: other foreign threads can write the window. What they put there is written with
//! the lease's own bounds and rights, as they could have done through its handle.

use super::form::{Form, LONGEST};
use super::operand::{self, Operand};
use super::{register, typed, violate};
use crate::access::at;
use crate::resolve::{Access, Kind};
use crate::sys::{self, mpk_trap};
use core::mem::size_of;
use core::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};
use yaxpeax_x86::long_mode::{Opcode, Operand as Explicit};

const RSP: u8 = 4;
/// The window is whole pages, and the operand keeps its place in one.
const IN_PAGE: u64 = 4095;

/// What must be known when the instruction has been performed.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Run {
    /// One of the three below.
    pub state: u32,
    pub number: u32,
    pub borrowed: u64,
    pub original: u64,
    /// Bits of the register that the instruction writes, when not all.
    merged: u64,
    pub handle: u64,
    pub bytes: u32,
    writes: u32,
    locked: u32,
    /// It moves the register on: a string instruction.
    pub moves: u32,
    pub place: u64,
    pub there: u64,
    raw: [u8; 16],
    registers: [u64; 16],
    flags: u64,
    /// strings.rs: the other one of two.
    pub second: Borrowed,
}

/// A register that points into the window meanwhile; number 16: none.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Borrowed {
    pub number: u32,
    pub is_source: u32,
    pub borrowed: u64,
    pub original: u64,
}

const IDLE: u32 = 0;
const STEPS: u32 = 1;
pub(super) const MOVES: u32 = 2;
/// Its registers are back; only a report was due.
const OVER: u32 = 3;
const _: () = assert!(size_of::<Run>() <= 8 * sys::MPK_TRAP_KEEP_WORDS);

pub(super) fn run_of(trap: &mut mpk_trap) -> &mut Run {
    // SAFETY: `keep` is large enough, aligned to 8, this call's alone; any bytes are a Run.
    unsafe { &mut *(&raw mut trap.keep).cast::<Run>() }
}

pub(super) fn forget(trap: &mut mpk_trap) {
    run_of(trap).state = IDLE;
}

pub(super) fn is_over(trap: &mut mpk_trap) -> bool {
    run_of(trap).state == OVER
}

/// The part of the register that an explicit operand names, and whether it is read and written.
fn uses(form: &Form, number: u8) -> impl Iterator<Item = (register::Part, bool, bool)> {
    let behavior = form.instruction.behavior();
    (0..form.instruction.operand_count()).filter_map(move |at| {
        let Explicit::Register { reg } = form.instruction.operand(at) else {
            return None;
        };
        let part = register::part(reg).filter(|part| part.number == number)?;
        let access = behavior.operand_access(at)?;
        Some((part, access.is_read(), access.is_write()))
    })
}

/// Registers that are read without being named, as a set of numbers.
fn hidden_registers(form: &Form) -> u16 {
    const RAX: u16 = 1;
    const RDX: u16 = 1 << 2;
    match form.instruction.opcode() {
        Opcode::CMPXCHG | Opcode::MUL => RAX,
        Opcode::IMUL if form.instruction.operand_count() == 1 => RAX,
        Opcode::MULX => RDX,
        Opcode::CMPXCHG8B | Opcode::CMPXCHG16B => 0b1111,
        Opcode::PCMPESTRI | Opcode::PCMPESTRM => RAX | RDX,
        Opcode::VPCMPESTRI | Opcode::VPCMPESTRM => RAX | RDX,
        _ => 0,
    }
}

/// Which register can borrow an address.
fn lender(form: &Form) -> Option<u8> {
    let opcode = form.instruction.opcode();
    let conditional = opcode.is_cmovcc();
    if opcode == Opcode::POP && form.place.base == Some(RSP) {
        return None; // its address is computed behind the pop
    }
    [form.place.base, form.place.index]
        .into_iter()
        .flatten()
        .find(|&number| {
            let as_data = |(part, reads, writes): (register::Part, bool, bool)| {
                let low_byte = part.bytes == 1 && !part.high; // the same in copy and handle
                reads && !low_byte || writes && conditional
            };
            number != RSP
                && form.place.weight(number).is_power_of_two()
                && hidden_registers(form) >> number & 1 == 0
                && !uses(form, number).any(as_data)
        })
}

pub(super) fn can(form: &Form) -> bool {
    let segment = |at| match form.instruction.operand(at) {
        Explicit::Register { reg } => {
            reg.class() == yaxpeax_x86::long_mode::register_class::S
                && form.instruction.behavior().operand_access(at) != Some(yaxpeax_x86::Access::Read)
        }
        _ => false,
    };
    !(0..form.instruction.operand_count()).any(segment) && lender(form).is_some()
}

pub(super) fn begin(trap: &mut mpk_trap, form: &Form, operand: &Operand) -> u32 {
    let Some(number) = lender(form) else {
        return sys::MPK_TRAP_DECLINE;
    };
    let place = trap.window + (operand.place.handle & IN_PAGE);
    // SAFETY: the window is this thread's, mapped for ever by the runtime, and long enough.
    unsafe { at::<[u8; LONGEST]>(place).write_unaligned(operand.bytes) };
    let original = trap.registers[number as usize];
    let distance = place.wrapping_sub(operand.place.pointer) as i64;
    let shift = form.place.weight(number).trailing_zeros();
    let borrowed = original.wrapping_add_signed(distance >> shift);
    let merged = uses(form, number)
        .filter(|(_, _, writes)| *writes)
        .fold(0, |bits, (part, ..)| bits | part.replaced());
    let mut raw = [0; 16];
    raw.copy_from_slice(&operand.raw[..16]);
    let run = Run {
        state: STEPS,
        number: number.into(),
        borrowed,
        original,
        merged: if merged == u64::MAX { 0 } else { merged },
        handle: operand.place.handle,
        bytes: form.bytes,
        writes: form.writes.into(),
        locked: form.locked.into(),
        moves: form.string.into(),
        place,
        there: operand.there,
        raw,
        registers: trap.registers,
        flags: trap.flags,
        second: Borrowed {
            number: 16,
            is_source: 0,
            borrowed: 0,
            original: 0,
        },
    };
    *run_of(trap) = run;
    trap.registers[number as usize] = borrowed;
    sys::MPK_TRAP_STEP
}

/// The register as the instruction leaves it.
fn returned(run: &Run, now: u64) -> u64 {
    if run.moves != 0 {
        run.original.wrapping_add(now.wrapping_sub(run.borrowed))
    } else if run.merged != 0 {
        run.original & !run.merged | now & run.merged
    } else if now == run.borrowed {
        run.original
    } else {
        now
    }
}

pub(super) fn end(trap: &mut mpk_trap) -> u32 {
    let run = *run_of(trap);
    forget(trap);
    if run.state == MOVES {
        return super::strings::end(trap, &run);
    }
    let number = run.number as usize & 15;
    trap.registers[number] = returned(&run, trap.registers[number]);
    if run.state != STEPS || run.writes == 0 || run.there == 0 {
        return sys::MPK_TRAP_CONTINUE;
    }
    // SAFETY: as in begin.
    let mut bytes: [u8; LONGEST] = unsafe { at::<[u8; LONGEST]>(run.place).read_unaligned() };
    match operand::again(run.handle, run.there) {
        Ok(address) => {
            let is_typed = operand::is_typed(run.handle);
            let judged = match (is_typed, run.locked) {
                (true, 0) => typed::write(run.handle, run.there, &bytes),
                (true, _) => typed::inward(run.handle, run.bytes, &mut bytes),
                (false, _) => {
                    operand::cross(address, run.there, &mut bytes, crate::membrane::inward);
                    Ok(())
                }
            };
            if let Err(why) = judged {
                run_of(trap).state = OVER;
                return typed::violate(trap, run.handle, run.bytes.into(), Access::Write, why);
            }
            if is_typed && run.locked == 0 {
                // Written, value by value.
            } else if run.locked == 0 {
                operand::copy_out(address, run.there, &bytes);
            } else if !swap(address, run.bytes, &run.raw, &bytes) {
                trap.registers = run.registers;
                trap.flags = run.flags;
                trap.pc = trap.origin;
            }
            sys::MPK_TRAP_CONTINUE
        }
        Err(kind) => over(trap, &run, kind),
    }
}

/// The lease ended under way: a violation, at an instruction that has been performed.
pub(super) fn over(trap: &mut mpk_trap, run: &Run, kind: Kind) -> u32 {
    run_of(trap).state = OVER;
    violate(trap, run.handle, run.bytes.into(), Access::Write, kind)
}

/// Another fault came first. DECLINE: this is not the instruction in whose middle we were.
pub(super) fn stop(trap: &mut mpk_trap) -> u32 {
    let run = *run_of(trap);
    forget(trap);
    let number = run.number as usize & 15;
    match run.state {
        MOVES => super::strings::end(trap, &run),
        STEPS if run.moves != 0 || trap.registers[number] == run.borrowed => {
            trap.registers[number] = returned(&run, trap.registers[number]);
            sys::MPK_TRAP_CONTINUE
        }
        _ => sys::MPK_TRAP_DECLINE,
    }
}

/// false: memory no longer holds `before`. pre: aligned to its size, in a live, writable lease.
fn swap(address: u64, bytes: u32, before: &[u8; 16], after: &[u8; LONGEST]) -> bool {
    let word = |bytes: &[u8]| u128::from_le_bytes(bytes[..16].try_into().unwrap_or([0; 16]));
    let (before, after) = (word(before), word(after));
    macro_rules! swap {
        ($atomic:ty, $unsigned:ty) => {{
            // SAFETY: the caller's promise.
            let cell = unsafe { <$atomic>::from_ptr(at(address)) };
            let (before, after) = (before as $unsigned, after as $unsigned);
            cell.compare_exchange(before, after, Ordering::SeqCst, Ordering::SeqCst)
                .is_ok()
        }};
    }
    match bytes {
        1 => swap!(AtomicU8, u8),
        2 => swap!(AtomicU16, u16),
        4 => swap!(AtomicU32, u32),
        8 => swap!(AtomicU64, u64),
        // SAFETY: the caller's promise; foreign code has just performed one itself.
        _ => unsafe { swap16(address, before, after) },
    }
}

/// # Safety
/// `address`: aligned to 16, writable; the CPU has CMPXCHG16B.
unsafe fn swap16(address: u64, before: u128, after: u128) -> bool {
    let done: u8;
    // SAFETY: the caller's promise. RBX belongs to the compiler and is put back.
    unsafe {
        core::arch::asm!(
            "xchg {low}, rbx",
            "lock cmpxchg16b [{address}]",
            "sete {done}",
            "mov rbx, {low}",
            low = inout(reg) after as u64 => _,
            address = in(reg) address,
            done = out(reg_byte) done,
            inout("rax") before as u64 => _,
            inout("rdx") (before >> 64) as u64 => _,
            in("rcx") (after >> 64) as u64,
        );
    }
    done != 0
}
