//! What two decoders say of the same bytes: length, and size and direction of the memory operand.
//! `GALEED_DECODE_ROUNDS` says how many instructions are tried; the same seed each time.

use super::form::Form;
use iced_x86::{Decoder, DecoderOptions, InstructionInfoFactory, OpAccess, OpKind};
use std::collections::BTreeMap;

const ROUNDS: u32 = 400_000;

fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ *state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

/// Instructions that are likely ones: prefixes, maps, VEX and EVEX as compilers write them.
fn bytes(state: &mut u64) -> [u8; 15] {
    let mut code = [0u8; 15];
    for byte in &mut code {
        *byte = random(state) as u8;
    }
    let choice = random(state);
    let start: &[u8] = match choice % 12 {
        0 => &[],
        1 => &[0x48],
        2 => &[0x66],
        3 => &[0x0f],
        4 => &[0x66, 0x0f],
        5 => &[0xf3, 0x0f],
        6 => &[0xf2, 0x0f],
        7 => &[0x66, 0x0f, 0x38],
        8 => &[0xc5],
        9 => &[0xc4],
        _ => &[0x62],
    };
    code[..start.len()].copy_from_slice(start);
    if start == [0x62] {
        code[1] = code[1] & 0xf0 | (1 + (choice >> 8) as u8 % 3);
        code[2] |= 4;
    }
    if start == [0xc4] {
        code[1] = code[1] & 0xe0 | (1 + (choice >> 8) as u8 % 3);
    }
    code
}

fn access(access: OpAccess) -> (bool, bool) {
    match access {
        OpAccess::Read | OpAccess::CondRead => (true, false),
        OpAccess::Write | OpAccess::CondWrite => (false, true),
        OpAccess::ReadWrite | OpAccess::ReadCondWrite => (true, true),
        OpAccess::None | OpAccess::NoMemAccess => (false, false),
    }
}

#[test]
fn a_second_decoder_agrees() {
    let rounds = std::env::var("GALEED_DECODE_ROUNDS");
    let rounds = rounds.map_or(ROUNDS, |text| {
        text.parse().expect("GALEED_DECODE_ROUNDS: a number")
    });
    let mut state = 1;
    let mut factory = InstructionInfoFactory::new();
    let mut differ: BTreeMap<String, String> = BTreeMap::new();
    let mut compared = 0;
    for _ in 0..rounds {
        let code = bytes(&mut state);
        let mut decoder = Decoder::new(64, &code, DecoderOptions::NONE);
        let theirs = decoder.decode();
        let Ok(ours) = Form::of(&code) else {
            continue; // declined: refused, as without a server
        };
        if theirs.is_invalid() {
            continue; // the processor refuses it as well
        }
        let memory = (0..theirs.op_count()).find(|at| {
            matches!(
                theirs.op_kind(*at),
                OpKind::Memory
                    | OpKind::MemorySegRSI
                    | OpKind::MemoryESRDI
                    | OpKind::MemorySegRDI
                    | OpKind::MemorySegESI
            )
        });
        let Some(memory) = memory else { continue };
        compared += 1;
        let size = theirs.memory_size().size() as u32;
        let info = factory.info(&theirs);
        let (reads, writes) = access(info.op_access(memory));
        let is = (ours.length as usize, ours.bytes, ours.reads, ours.writes);
        let should = (theirs.len(), size, reads, writes);
        // Where writes are conditional, reading first is right too.
        let same = (is.0, is.1, is.3) == (should.0, should.1, should.3)
            && (is.2 == should.2 || is.2 && should.3);
        if !same && !ours.string {
            differ
                .entry(format!("{:?}", theirs.code()))
                .or_insert_with(|| format!("{is:?}, should be {should:?}: {code:02x?}"));
        }
    }
    for (code, line) in &differ {
        eprintln!("{code}: {line}");
    }
    assert!(compared > rounds / 20, "{compared} of {rounds} compared");
    assert!(differ.is_empty(), "{} differ", differ.len());
}
