//! Case *honest*: a real file must come out right, and how long that takes.

use crate::{json::Line, zlib};
use sha2::{Digest, Sha256};
use std::time::Instant;

/// Reads a file; one clear line when it cannot.
pub fn read(path: &str) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("cannot read {path}: {error}"))
}

/// SHA-256 in hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Time that this process has spent in user mode: isolation without the kernel's part.
fn user_ns() -> u128 {
    // SAFETY: getrusage fills the struct that it is given; all zero is a valid one.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    usage.ru_utime.tv_sec as u128 * 1_000_000_000 + usage.ru_utime.tv_usec as u128 * 1000
}

/// Decompresses the file `repeats` times; times are of zlib and its calls alone.
pub fn run(path: &str, repeats: usize) -> Result<String, String> {
    let file = read(path)?;
    let mut out = Vec::new();
    let mut times_ns = Vec::with_capacity(repeats);
    zlib::decompress(&file, &mut out)?; // first touch of every page, untimed
    let before_ns = user_ns();
    for _ in 0..repeats {
        let start = Instant::now();
        zlib::decompress(&file, &mut out)?;
        times_ns.push(start.elapsed().as_nanos());
    }
    let user_ns = (user_ns() - before_ns) / repeats as u128;
    Ok(Line::new("honest")
        .text("zlib", &zlib::version())
        .value("bytes", out.len())
        .text("sha256", &digest(&out))
        .numbers("times_ns", &times_ns)
        .value("user_ns", user_ns)
        .end())
}
