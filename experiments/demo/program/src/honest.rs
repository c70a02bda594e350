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

/// Decompresses the file `repeats` times; times are of zlib and its calls alone.
pub fn run(path: &str, repeats: usize) -> Result<String, String> {
    let file = read(path)?;
    let mut out = Vec::new();
    let mut times_ns = Vec::with_capacity(repeats);
    zlib::decompress(&file, &mut out)?; // first touch of every page, untimed
    for _ in 0..repeats {
        let start = Instant::now();
        zlib::decompress(&file, &mut out)?;
        times_ns.push(start.elapsed().as_nanos());
    }
    Ok(Line::new("honest")
        .text("zlib", &zlib::version())
        .value("bytes", out.len())
        .text("sha256", &digest(&out))
        .numbers("times_ns", &times_ns)
        .end())
}
