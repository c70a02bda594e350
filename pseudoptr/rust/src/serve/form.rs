//! What an instruction does to memory, as far as serving it goes.
//!
//! Isolation does not rest on it: where the decoder errs about an operand's size or direction,
//! foreign code computes with wrong bytes (see serve/mod.rs).

use super::register;
use crate::resolve::Access;
use crate::sys::{mpk_trap, mpk_trap_mask_get};
use yaxpeax_arch::{AddressBase, LengthedInstruction};
use yaxpeax_x86::Access as Use;
use yaxpeax_x86::long_mode::{DecodeError, InstDecoder, Instruction, Opcode, Operand, RegSpec};

/// Vector operands; memory is touched by nothing longer that is served.
pub(super) const LONGEST: usize = 64;
/// Shorter reads must lie in the lease whole.
const VECTOR_BYTES: u32 = 16;

/// Why there is no form.
pub(super) enum Unserved {
    /// The bytes end within the instruction.
    Unfinished,
    /// An instruction that is not served.
    Never,
}

/// An address: base + index * scale + displacement.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub base: Option<u8>,
    pub index: Option<u8>,
    pub scale: u8,
    displacement: i32,
}

impl Place {
    fn of(operand: Operand) -> Option<Place> {
        let (base, index, scale, displacement) = match operand {
            Operand::MemDeref { base } | Operand::MemDerefMasked { base, .. } => {
                (Some(base), None, 1, 0)
            }
            Operand::Disp { base, disp } | Operand::DispMasked { base, disp, .. } => {
                (Some(base), None, 1, disp)
            }
            Operand::MemIndexScale { index, scale }
            | Operand::MemIndexScaleMasked { index, scale, .. } => (None, Some(index), scale, 0),
            Operand::MemIndexScaleDisp { index, scale, disp }
            | Operand::MemIndexScaleDispMasked {
                index, scale, disp, ..
            } => (None, Some(index), scale, disp),
            Operand::MemBaseIndexScale { base, index, scale }
            | Operand::MemBaseIndexScaleMasked {
                base, index, scale, ..
            } => (Some(base), Some(index), scale, 0),
            Operand::MemBaseIndexScaleDisp {
                base,
                index,
                scale,
                disp,
            }
            | Operand::MemBaseIndexScaleDispMasked {
                base,
                index,
                scale,
                disp,
                ..
            } => (Some(base), Some(index), scale, disp),
            _ => return None,
        };
        // 64 bits only: shorter registers cannot hold a tag.
        let number = |register: RegSpec| register::whole(register).ok_or(());
        let base = base.map(number).transpose().ok()?;
        let index = index.map(number).transpose().ok()?;
        Some(Place {
            base,
            index,
            scale,
            displacement,
        })
    }

    pub(super) fn address(&self, registers: &[u64; 16]) -> u64 {
        let value = |number: Option<u8>| number.map_or(0, |number| registers[number as usize]);
        value(self.base)
            .wrapping_add(value(self.index).wrapping_mul(u64::from(self.scale)))
            .wrapping_add_signed(i64::from(self.displacement))
    }

    /// How often the register counts in the address.
    pub(super) fn weight(&self, number: u8) -> u64 {
        u64::from(self.base == Some(number))
            + if self.index == Some(number) {
                u64::from(self.scale)
            } else {
                0
            }
    }
}

/// One instruction.
#[derive(Clone, Copy)]
pub(super) struct Form {
    pub instruction: Instruction,
    pub length: u64,
    pub place: Place,
    /// Which of the explicit operands lies in memory.
    pub operand: u8,
    pub bytes: u32,
    pub reads: bool,
    pub writes: bool,
    /// Atomic towards other processors.
    pub locked: bool,
    /// MOVS, STOS, LODS, SCAS or CMPS.
    pub string: bool,
    /// Number of the mask that says which lanes are touched; 0: all.
    mask: u8,
    lane_bytes: u32,
}

impl Form {
    pub(super) fn of(code: &[u8]) -> Result<Form, Unserved> {
        if has_stray_rex(code) {
            return Err(Unserved::Never);
        }
        let instruction =
            InstDecoder::default()
                .decode_slice(code)
                .map_err(|error| match error {
                    DecodeError::ExhaustedInput => Unserved::Unfinished,
                    _ => Unserved::Never,
                })?;
        Form::of_decoded(instruction, is_movd(code)).ok_or(Unserved::Never)
    }

    fn of_decoded(instruction: Instruction, movd: bool) -> Option<Form> {
        let opcode = instruction.opcode();
        let string = is_string(opcode);
        let prefixes = instruction.prefixes;
        if prefixes.fs() || prefixes.gs() || prefixes.address_size() || is_left_alone(opcode) {
            return None;
        }
        let behavior = instruction.behavior();
        if !string && behavior.as_complex_op().is_some() {
            return None;
        }
        let in_memory = |at: &u8| instruction.operand(*at).is_memory();
        let operand = (0..instruction.operand_count()).find(in_memory)?;
        let bytes = u32::from(instruction.mem_size()?.bytes_size()?);
        if bytes == 0 || bytes as usize > LONGEST {
            return None;
        }
        let access = behavior.operand_access(operand).unwrap_or(Use::ReadWrite);
        let mut form = Form {
            length: 0u64.wrapping_offset(instruction.len()),
            place: Place::of(instruction.operand(operand))?,
            operand,
            bytes,
            reads: access.is_read(),
            writes: access.is_write(),
            locked: prefixes.lock() || opcode == Opcode::XCHG,
            string,
            mask: 0,
            lane_bytes: bytes,
            instruction,
        };
        form.set_mask()?;
        form.correct(movd);
        Some(form)
    }

    /// AVX-512: masked moves touch the lanes that the mask names; other masked instructions
    /// that read are taken to touch all of the operand, those that write are not served.
    fn set_mask(&mut self) -> Option<()> {
        let mask = self
            .instruction
            .prefixes
            .evex()
            .map_or(0, |evex| evex.mask_reg());
        let lane_bytes = match self.instruction.opcode() {
            Opcode::VMOVDQU8 => 1,
            Opcode::VMOVDQU16 => 2,
            Opcode::VMOVDQU32 | Opcode::VMOVDQA32 | Opcode::VMOVUPS | Opcode::VMOVAPS => 4,
            Opcode::VMOVDQU64 | Opcode::VMOVDQA64 | Opcode::VMOVUPD | Opcode::VMOVAPD => 8,
            Opcode::VMASKMOVPS | Opcode::VMASKMOVPD | Opcode::VPMASKMOVD | Opcode::VPMASKMOVQ
                if self.writes =>
            {
                return None;
            }
            _ if mask != 0 && self.writes => return None,
            _ => return Some(()),
        };
        self.mask = mask;
        self.lane_bytes = lane_bytes;
        Some(())
    }

    /// Where the decoder's table says something else than the manual: what compared.rs found.
    fn correct(&mut self, movd: bool) {
        let opcode = self.instruction.opcode();
        let read_modify_write = matches!(
            opcode,
            Opcode::CMPXCHG | Opcode::CMPXCHG8B | Opcode::CMPXCHG16B | Opcode::XCHG | Opcode::XADD
        );
        if read_modify_write {
            (self.reads, self.writes) = (true, true);
        } else if self.writes && super::sizes::is_a_move(opcode) || opcode.is_setcc() {
            self.reads = false;
        }
        if let Some(bytes) = super::sizes::corrected(&self.instruction, movd) {
            self.bytes = bytes;
        }
    }

    /// A string instruction's, seen as that of one of its two pointers alone.
    pub(super) fn on_register(&self, number: u8) -> Form {
        let place = Place {
            base: Some(number),
            index: None,
            scale: 1,
            displacement: 0,
        };
        Form { place, ..*self }
    }

    /// Of the operand's bytes, those that are touched.
    pub(super) fn mask(&self, trap: &mpk_trap) -> u64 {
        let all = all(self.bytes);
        if self.mask == 0 {
            return all;
        }
        // SAFETY: called by the server, with its trap and a mask register's number.
        let lanes = unsafe { mpk_trap_mask_get(trap, u32::from(self.mask)) };
        let lane = self::all(self.lane_bytes);
        (0..self.bytes / self.lane_bytes)
            .filter(|at| lanes >> at & 1 == 1)
            .fold(0, |mask, at| mask | lane << (at * self.lane_bytes))
    }

    /// A vector that is read in search of something, beyond the ends of what is lent.
    pub(super) fn may_be_widened(&self) -> bool {
        self.bytes >= VECTOR_BYTES && self.reads && !self.writes
    }

    pub(super) fn is_masked(&self) -> bool {
        let evex = self.instruction.prefixes.evex();
        evex.is_some_and(|evex| evex.mask_reg() != 0)
    }

    /// Who may write may read.
    pub(super) fn access(&self) -> Access {
        if self.writes {
            Access::Write
        } else {
            Access::Read
        }
    }

    /// For the profile.
    pub(super) fn seen(&self, widened: bool, raw: bool) -> super::profile::Seen {
        super::profile::Seen {
            reads: self.reads,
            writes: self.writes,
            widened,
            trapped: true,
            raw,
        }
    }
}

fn is_legacy_prefix(byte: u8) -> bool {
    matches!(
        byte,
        0x26 | 0x2e | 0x36 | 0x3e | 0x64..=0x67 | 0xf0 | 0xf2 | 0xf3
    )
}

fn is_rex(byte: u8) -> bool {
    byte & 0xf0 == 0x40
}

/// From REX or the opcode on.
fn behind_prefixes(code: &[u8]) -> &[u8] {
    let begins = code.iter().position(|byte| !is_legacy_prefix(*byte));
    &code[begins.unwrap_or(code.len())..]
}

/// A REX byte counts only right before the opcode; the decoder takes others for it.
fn has_stray_rex(code: &[u8]) -> bool {
    let stray = |next: u8| is_rex(next) || is_legacy_prefix(next);
    matches!(behind_prefixes(code), [rex, next, ..] if is_rex(*rex) && stray(*next))
}

/// 0F 6E, which the decoder takes to move 8 bytes.
fn is_movd(code: &[u8]) -> bool {
    let code = behind_prefixes(code);
    matches!(code, [0x0f, 0x6e, ..]) || matches!(code, [rex, 0x0f, 0x6e, ..] if is_rex(*rex))
}

/// So many low bits.
pub(super) fn all(bytes: u32) -> u64 {
    u64::MAX >> (64 - bytes.clamp(1, 64))
}

fn is_string(opcode: Opcode) -> bool {
    matches!(
        opcode,
        Opcode::MOVS | Opcode::STOS | Opcode::LODS | Opcode::SCAS | Opcode::CMPS
    )
}

/// Branches, what touches no memory, and what can raise a fault of its own that a
/// signal handler of the program would see in the middle of a step.
fn is_left_alone(opcode: Opcode) -> bool {
    matches!(
        opcode,
        Opcode::CALL
            | Opcode::CALLF
            | Opcode::JMP
            | Opcode::JMPF
            | Opcode::LEA
            | Opcode::NOP
            | Opcode::INS
            | Opcode::OUTS
            | Opcode::INVLPG
            | Opcode::PSWAPD
            | Opcode::PREFETCHNTA
            | Opcode::PREFETCH0
            | Opcode::PREFETCH1
            | Opcode::PREFETCH2
            | Opcode::PREFETCHW
            | Opcode::UD0
            | Opcode::UD1
            | Opcode::DIV
            | Opcode::IDIV
            | Opcode::Invalid
    )
}
