//! General registers by the names that instructions use, in the signal frame.

use yaxpeax_x86::long_mode::{RegSpec, register_class};

/// A general register, or the part of one that an instruction names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub number: u8,
    pub bytes: u32,
    /// AH, CH, DH or BH.
    pub high: bool,
}

/// The number of a whole, 64-bit register.
pub(super) fn whole(register: RegSpec) -> Option<u8> {
    (register.class() == register_class::Q).then(|| register.num())
}

/// `None`: it is no general register.
pub(super) fn part(register: RegSpec) -> Option<Part> {
    let (class, number) = (register.class(), register.num());
    let high = class == register_class::B && number >= 4;
    let bytes = if class == register_class::Q {
        8
    } else if class == register_class::D {
        4
    } else if class == register_class::W {
        2
    } else if class == register_class::B || class == register_class::RB {
        1
    } else {
        return None;
    };
    Some(Part {
        number: if high { number - 4 } else { number },
        bytes,
        high,
    })
}

/// The number of a vector register.
pub(super) fn vector(register: RegSpec) -> Option<u32> {
    let class = register.class();
    let is = class == register_class::X || class == register_class::Y || class == register_class::Z;
    is.then(|| u32::from(register.num()))
}

/// So many bytes of a number.
pub(super) fn low(value: u64, bytes: u32) -> u64 {
    value & (u64::MAX >> (64 - 8 * bytes.clamp(1, 8)))
}

impl Part {
    /// The bits of the whole register that a write of the part replaces.
    pub(super) fn replaced(self) -> u64 {
        match (self.bytes, self.high) {
            (1, true) => 0xff00,
            (1, false) => 0xff,
            (2, _) => 0xffff,
            _ => u64::MAX,
        }
    }

    pub(super) fn get(self, registers: &[u64; 16]) -> u64 {
        let value = registers[self.number as usize & 15];
        low(if self.high { value >> 8 } else { value }, self.bytes)
    }

    /// A write of 4 bytes clears the rest, as the CPU does.
    pub(super) fn set(self, registers: &mut [u64; 16], value: u64) {
        let register = &mut registers[self.number as usize & 15];
        let value = low(value, self.bytes);
        let value = if self.high { value << 8 } else { value };
        *register = *register & !self.replaced() | value;
    }
}
