//! Atomic operations on handles: sequentially consistent, 1, 2, 4 or 8 bytes.
//!
//! Invariant: as in access.rs, a raw pointer, or a mapped lease, is accessed
//! with foreign rights, a private lease with the domain open. The operation
//! itself is one hardware instruction (or a compare-and-swap loop) on the
//! object's own memory, so host threads that use it atomically see it so.
//!
//! An address that isn't aligned to the size is refused: C forbids it, and it
//! would not be atomic.

use crate::access::{at, with_rights};
use crate::fatal::fatal;
use crate::foreign::moves;
use crate::layout::is_handle;
use crate::resolve::{Access, Kind, resolve};
use crate::table::direct;
use crate::violation::refuse;
use core::sync::atomic::Ordering::SeqCst;
use core::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64};

/// What galeed_atomic_rmw does.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(non_camel_case_types, missing_docs)]
pub enum Rmw {
    GALEED_XCHG,
    GALEED_ADD,
    GALEED_SUB,
    GALEED_AND,
    GALEED_NAND,
    GALEED_OR,
    GALEED_XOR,
    GALEED_MAX,
    GALEED_MIN,
    GALEED_UMAX,
    GALEED_UMIN,
}
use Rmw::*;

impl Rmw {
    pub(crate) const ALL: [Rmw; 11] = [
        GALEED_XCHG,
        GALEED_ADD,
        GALEED_SUB,
        GALEED_AND,
        GALEED_NAND,
        GALEED_OR,
        GALEED_XOR,
        GALEED_MAX,
        GALEED_MIN,
        GALEED_UMAX,
        GALEED_UMIN,
    ];
}

/// One operation on the memory at an address.
#[derive(Clone, Copy)]
enum Operation {
    Load,
    Store(u64),
    Modify(Rmw, u64),
    Exchange { expected: u64, desired: u64 },
}

macro_rules! on_size {
    ($operation:expr, $address:expr, $atomic:ty, $unsigned:ty, $signed:ty) => {{
        // SAFETY: the address is aligned, as was checked, and either resolved
        // or accessed as foreign code asked, with foreign rights.
        let cell = unsafe { <$atomic>::from_ptr(at($address)) };
        let signed = |value: u64| value as $signed;
        u64::from(match $operation {
            Operation::Load => cell.load(SeqCst),
            Operation::Store(value) => {
                cell.store(value as $unsigned, SeqCst);
                0
            }
            Operation::Exchange { expected, desired } => {
                let (expected, desired) = (expected as $unsigned, desired as $unsigned);
                match cell.compare_exchange(expected, desired, SeqCst, SeqCst) {
                    Ok(before) | Err(before) => before,
                }
            }
            Operation::Modify(GALEED_XCHG, value) => cell.swap(value as $unsigned, SeqCst),
            Operation::Modify(GALEED_ADD, value) => cell.fetch_add(value as $unsigned, SeqCst),
            Operation::Modify(GALEED_SUB, value) => cell.fetch_sub(value as $unsigned, SeqCst),
            Operation::Modify(GALEED_AND, value) => cell.fetch_and(value as $unsigned, SeqCst),
            Operation::Modify(GALEED_NAND, value) => cell.fetch_nand(value as $unsigned, SeqCst),
            Operation::Modify(GALEED_OR, value) => cell.fetch_or(value as $unsigned, SeqCst),
            Operation::Modify(GALEED_XOR, value) => cell.fetch_xor(value as $unsigned, SeqCst),
            Operation::Modify(GALEED_UMAX, value) => cell.fetch_max(value as $unsigned, SeqCst),
            Operation::Modify(GALEED_UMIN, value) => cell.fetch_min(value as $unsigned, SeqCst),
            Operation::Modify(order @ (GALEED_MAX | GALEED_MIN), value) => {
                let chosen = |now: $unsigned| {
                    let (now, value) = (now as $signed, signed(value));
                    let kept = if order == GALEED_MAX {
                        now.max(value)
                    } else {
                        now.min(value)
                    };
                    Some(kept as $unsigned)
                };
                match cell.fetch_update(SeqCst, SeqCst, chosen) {
                    Ok(before) | Err(before) => before,
                }
            }
        })
    }};
}

fn apply(address: u64, bytes: u32, operation: Operation) -> u64 {
    match bytes {
        1 => on_size!(operation, address, AtomicU8, u8, i8),
        2 => on_size!(operation, address, AtomicU16, u16, i16),
        4 => on_size!(operation, address, AtomicU32, u32, i32),
        _ => on_size!(operation, address, AtomicU64, u64, i64),
    }
}

fn perform(pointer: u64, bytes: u32, operation: Operation, pc: u64) -> u64 {
    if !matches!(bytes, 1 | 2 | 4 | 8) {
        fatal(format_args!(
            "an atomic access of {bytes} bytes: 1, 2, 4 and 8 are possible"
        ));
    }
    let access = match operation {
        Operation::Load => Access::Read,
        _ => Access::Write,
    };
    let size = u64::from(bytes);
    if !pointer.is_multiple_of(size) {
        with_rights(|| refuse(pointer, size, access, Kind::Type, pc));
        return 0;
    }
    if !is_handle(pointer) {
        return apply(pointer, bytes, operation);
    }
    if let Some(address) = direct(pointer, size, access == Access::Write) {
        return apply(address, bytes, operation);
    }
    with_rights(|| match resolve(pointer, size, access) {
        Ok(address) => apply(address, bytes, operation),
        Err(kind) => moves::atomic((pointer, size, access, pc), kind, |before| {
            let mut after = before;
            apply(
                (&raw mut after).expose_provenance() as u64,
                bytes,
                operation,
            );
            after
        }),
    })
}

pub(crate) extern "C" fn load(pointer: u64, bytes: u32, pc: u64) -> u64 {
    perform(pointer, bytes, Operation::Load, pc)
}

pub(crate) extern "C" fn store(pointer: u64, bytes: u32, value: u64, pc: u64) {
    perform(pointer, bytes, Operation::Store(value), pc);
}

pub(crate) extern "C" fn rmw(pointer: u64, bytes: u32, op: u32, value: u64, pc: u64) -> u64 {
    let Some(rmw) = Rmw::ALL.into_iter().find(|known| *known as u32 == op) else {
        fatal(format_args!(
            "galeed_atomic_rmw: there is no operation {op}"
        ));
    };
    perform(pointer, bytes, Operation::Modify(rmw, value), pc)
}

pub(crate) extern "C" fn cmpxchg(
    pointer: u64,
    bytes: u32,
    expected: u64,
    desired: u64,
    pc: u64,
) -> u64 {
    perform(
        pointer,
        bytes,
        Operation::Exchange { expected, desired },
        pc,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_does_what_its_name_says() {
        let cases: [(Rmw, u8, u8, u8); 11] = [
            (GALEED_XCHG, 1, 2, 2),
            (GALEED_ADD, 250, 10, 4),
            (GALEED_SUB, 1, 2, 255),
            (GALEED_AND, 6, 3, 2),
            (GALEED_NAND, 6, 3, 253),
            (GALEED_OR, 6, 3, 7),
            (GALEED_XOR, 6, 3, 5),
            (GALEED_MAX, 255, 1, 1),
            (GALEED_MIN, 255, 1, 255),
            (GALEED_UMAX, 255, 1, 255),
            (GALEED_UMIN, 255, 1, 1),
        ];
        for (op, before, value, after) in cases {
            for bytes in [1u32, 2, 4, 8] {
                let extend = |byte: u8| match bytes {
                    1 => u64::from(byte),
                    2 => i16::from(byte as i8) as u16 as u64,
                    4 => i32::from(byte as i8) as u32 as u64,
                    _ => i64::from(byte as i8) as u64,
                };
                let mut cell = extend(before);
                let address = (&raw mut cell).expose_provenance() as u64;
                let got = rmw(address, bytes, op as u32, extend(value), 0);
                assert_eq!(got, extend(before), "{op:?} {bytes}");
                let mask = if bytes == 8 {
                    u64::MAX
                } else {
                    (1 << (8 * bytes)) - 1
                };
                assert_eq!(cell & 0xff, u64::from(after), "{op:?} {bytes}");
                assert_eq!(cell & !mask, 0, "{op:?} {bytes} wrote beyond its size");
            }
        }
    }
}
