//! REP MOVS and REP STOS, whole ranges at a time; the other string instructions one by one.
//!
//! Between two leases, and for STOS, the runtime does it, after the whole range was
//! checked. Between a lease and raw memory the thread does, with foreign rights, a window at a
//! time: so a fault of the raw side is the thread's own, and its registers say how far it got.
//!
//! Backwards (direction flag set) goes one by one as well.

use super::form::{Form, LONGEST, all};
use super::operand::{Operand, copy_in, copy_out, cross, is_typed};
use super::profile::{self, Seen};
use super::raw::{Place, lent};
use super::step::{self, Borrowed, MOVES, Run, run_of};
use super::{Forbidden, violate};
use crate::layout::is_handle;
use crate::membrane;
use crate::resolve::{Access, Kind, resolve};
use crate::sys::{self, mpk_trap};
use yaxpeax_x86::long_mode::Opcode;

const RAX: usize = 0;
const RCX: usize = 1;
const RSI: usize = 6;
const RDI: usize = 7;
const DIRECTION: u64 = 1 << 10;
const IN_PAGE: u64 = 4095;
/// Of one go between a lease and raw memory: what a window holds wherever it begins.
const PIECE_BYTES: u64 = 4096;
/// Of one go inside the runtime: the other side of a signal handler is waiting.
const GO_BYTES: u64 = 1 << 20;

pub(super) fn begin(trap: &mut mpk_trap, form: &Form, forbidden: Forbidden) -> u32 {
    let forward = trap.flags & DIRECTION == 0;
    let repeats = form.instruction.prefixes.rep_any();
    let count = if repeats { trap.registers[RCX] } else { 1 };
    if count == 0 {
        return sys::MPK_TRAP_DECLINE; // touches nothing: this is another fault
    }
    match form.instruction.opcode() {
        Opcode::STOS if forward => stos(trap, form, count, forbidden),
        Opcode::MOVS if forward => movs(trap, form, count, forbidden),
        _ => one(trap, form, forbidden),
    }
}

/// Goes on behind the instruction when all is done, and else at it once more.
fn advance(trap: &mut mpk_trap, form: &Form, done: u64, count: u64) {
    if form.instruction.prefixes.rep_any() {
        trap.registers[RCX] = trap.registers[RCX].wrapping_sub(done);
    }
    if done == count {
        trap.pc = trap.pc.wrapping_add(form.length);
    }
}

fn total(form: &Form, count: u64) -> u64 {
    u64::from(form.bytes).saturating_mul(count)
}

fn stos(trap: &mut mpk_trap, form: &Form, count: u64, forbidden: Forbidden) -> u32 {
    let (pointer, size) = (trap.registers[RDI], u64::from(form.bytes));
    let to = lent(pointer);
    if !is_handle(to) {
        return sys::MPK_TRAP_DECLINE;
    }
    let whole = total(form, count);
    let seen = Seen {
        reads: false,
        writes: true,
        widened: false,
        trapped: true,
        raw: to != pointer,
    };
    match resolve(to, whole, Access::Write) {
        Ok(address) => {
            profile::record(trap.origin, seen, form.bytes);
            let done = count.min(GO_BYTES / size);
            let value = trap.registers[RAX];
            fill(address, value, size as u32, done);
            trap.registers[RDI] = pointer.wrapping_add(done * size);
            advance(trap, form, done, count);
            sys::MPK_TRAP_CONTINUE
        }
        Err(_) if forbidden == Forbidden::Reads0 => {
            trap.registers[RDI] = pointer.wrapping_add(whole);
            advance(trap, form, count, count);
            sys::MPK_TRAP_CONTINUE
        }
        Err(Kind::Type) if is_typed(to) => one(trap, form, forbidden),
        Err(kind) => violate(trap, to, whole, Access::Write, kind),
    }
}

fn fill(address: u64, value: u64, size: u32, count: u64) {
    let aligned = size == 8 && address.is_multiple_of(8);
    let value = if aligned {
        membrane::inward(value)
    } else {
        value
    };
    let mut bytes = [0; LONGEST];
    for word in bytes.chunks_exact_mut(size as usize) {
        word.copy_from_slice(&value.to_le_bytes()[..size as usize]);
    }
    let total = u64::from(size) * count;
    let mut done = 0;
    while done < total {
        let length = (total - done).min(LONGEST as u64);
        copy_out(address + done, all(length as u32), &bytes);
        done += length;
    }
}

fn movs(trap: &mut mpk_trap, form: &Form, count: u64, forbidden: Forbidden) -> u32 {
    let pointers = (trap.registers[RDI], trap.registers[RSI]);
    let (to, from) = (lent(pointers.0), lent(pointers.1));
    let moved = |trap: &mut mpk_trap, bytes: u64| {
        trap.registers[RDI] = pointers.0.wrapping_add(bytes);
        trap.registers[RSI] = pointers.1.wrapping_add(bytes);
    };
    let (size, whole) = (u64::from(form.bytes), total(form, count));
    if !is_handle(to) && !is_handle(from) {
        return sys::MPK_TRAP_DECLINE;
    }
    let side = |pointer: u64, access: Access| {
        is_handle(pointer)
            .then(|| resolve(pointer, whole, access).map_err(|kind| (pointer, access, kind)))
            .transpose()
    };
    if is_handle(to) && is_typed(to) || is_handle(from) && is_typed(from) {
        return one(trap, form, forbidden);
    }
    let sides = side(from, Access::Read).and_then(|source| {
        let target = side(to, Access::Write)?;
        Ok((source, target))
    });
    let (source, target) = match sides {
        Ok(sides) => sides,
        Err(_) if forbidden == Forbidden::Reads0 => {
            moved(trap, whole);
            advance(trap, form, count, count);
            return sys::MPK_TRAP_CONTINUE;
        }
        Err((pointer, access, kind)) => return violate(trap, pointer, whole, access, kind),
    };
    let seen = Seen {
        reads: source.is_some(),
        writes: target.is_some(),
        widened: false,
        trapped: true,
        raw: (to, from) != pointers,
    };
    profile::record(trap.origin, seen, form.bytes);
    if let (Some(source), Some(target)) = (source, target) {
        let done = count.min(GO_BYTES / size);
        move_up(target, source, done * size, size);
        moved(trap, done * size);
        advance(trap, form, done, count);
        return sys::MPK_TRAP_CONTINUE;
    }
    let done = count.min(PIECE_BYTES / size);
    run(trap, form, (to, from), source, done)
}

/// As the CPU does it, upwards element by element: where the ranges overlap it shows.
fn move_up(to: u64, from: u64, bytes: u64, size: u64) {
    let overlap = to.wrapping_sub(from);
    let step = if overlap < LONGEST as u64 {
        size
    } else {
        LONGEST as u64
    };
    let mut done = 0;
    while done < bytes {
        let length = step.min(bytes - done);
        let mut piece = [0; LONGEST];
        copy_in(from + done, all(length as u32), &mut piece);
        copy_out(to + done, all(length as u32), &piece);
        done += length;
    }
}

/// Lets the thread move `count` elements between the window and raw memory.
fn run(
    trap: &mut mpk_trap,
    form: &Form,
    (to, from): (u64, u64),
    source: Option<u64>,
    count: u64,
) -> u32 {
    let (handle, number) = if source.is_some() {
        (from, RSI)
    } else {
        (to, RDI)
    };
    let place = trap.window + (handle & IN_PAGE);
    let bytes = count * u64::from(form.bytes);
    if let Some(address) = source {
        // Out of host memory, and into a host's frame perhaps, where addresses stay what they are.
        // SAFETY: the question may be asked of any address.
        let stays = unsafe { sys::mpk_gate_host_frame(to as usize) } != 0;
        let turn = if stays { same } else { membrane::outward };
        carry(place, address, bytes, turn);
    }
    let (before, pointer) = (trap.registers[RCX], trap.registers[number]);
    let run = run_of(trap);
    run.state = MOVES;
    (run.number, run.original, run.borrowed) = (number as u32, pointer, place);
    (run.handle, run.bytes, run.place) = (handle, form.bytes, place);
    run.second = Borrowed {
        number: RCX as u32,
        is_source: source.is_some().into(),
        borrowed: count,
        original: before,
    };
    trap.registers[number] = place;
    trap.registers[RCX] = count;
    trap.element = form.bytes;
    sys::MPK_TRAP_MOVE
}

fn same(value: u64) -> u64 {
    value
}

/// Copies upwards, 64 bytes at a time, and turns whole aligned words.
fn carry(to: u64, from: u64, bytes: u64, turn: fn(u64) -> u64) {
    let mut done = 0;
    while done < bytes {
        let begins = (from + done) % LONGEST as u64;
        let length = (LONGEST as u64 - begins).min(bytes - done);
        let mut piece = [0; LONGEST];
        let mask = all(length as u32);
        copy_in(from + done, mask, &mut piece);
        cross(from + done, mask, &mut piece, turn);
        copy_out(to + done, mask, &piece);
        done += length;
    }
}

/// The thread has moved all, or as much as RCX says.
pub(super) fn end(trap: &mut mpk_trap, run: &Run) -> u32 {
    let left = trap.registers[RCX].min(run.second.borrowed);
    let done = run.second.borrowed - left;
    let bytes = done * u64::from(run.bytes);
    let number = if run.second.is_source == 1 { RSI } else { RDI };
    trap.registers[number] = run.original.wrapping_add(bytes);
    trap.registers[RCX] = run.second.original.wrapping_sub(done);
    trap.pc = trap.origin;
    let length = Form::of(&trap.code[..(trap.code_bytes as usize).min(sys::MPK_TRAP_CODE_BYTES)]);
    let Ok(form) = length else {
        return sys::MPK_TRAP_CONTINUE;
    };
    if !form.instruction.prefixes.rep_any() {
        trap.registers[RCX] = run.second.original;
    }
    let all_done = !form.instruction.prefixes.rep_any() || trap.registers[RCX] == 0;
    if all_done && left == 0 {
        trap.pc = trap.pc.wrapping_add(form.length);
    }
    if run.second.is_source == 1 || bytes == 0 {
        return sys::MPK_TRAP_CONTINUE;
    }
    match resolve(run.handle, bytes, Access::Write) {
        Ok(address) => {
            carry(address, run.place, bytes, membrane::inward);
            sys::MPK_TRAP_CONTINUE
        }
        Err(kind) => step::over(trap, run, kind),
    }
}

/// One element, by a step.
fn one(trap: &mut mpk_trap, form: &Form, forbidden: Forbidden) -> u32 {
    let (reads_rsi, reads_rdi, writes_rdi) = match form.instruction.opcode() {
        Opcode::LODS => (true, false, false),
        Opcode::SCAS => (false, true, false),
        Opcode::STOS => (false, false, true),
        Opcode::CMPS => (true, true, false),
        _ => (true, false, true),
    };
    let uses_rsi = reads_rsi && is_handle(lent(trap.registers[RSI]));
    let uses_rdi = (reads_rdi || writes_rdi) && is_handle(lent(trap.registers[RDI]));
    if uses_rsi == uses_rdi {
        return sys::MPK_TRAP_DECLINE; // neither; or both, of which only one has a window
    }
    let number = if uses_rsi { RSI } else { RDI };
    let mut form = form.on_register(number as u8);
    (form.reads, form.writes) = (uses_rsi || reads_rdi, uses_rdi && writes_rdi);
    let pointer = trap.registers[number];
    let place = Place::of(pointer, &form);
    let operand = match Operand::take(place, &form, all(form.bytes)) {
        Ok(operand) => operand,
        Err(_) if forbidden == Forbidden::Reads0 => Operand::refused(place),
        Err(kind) => return violate(trap, place.handle, form.bytes.into(), form.access(), kind),
    };
    profile::record(trap.origin, form.seen(false, operand.is_raw()), form.bytes);
    step::begin(trap, &form, &operand)
}
