//! The demo: one Rust program that calls C, once undefended and once defended.
//!
//! The same source is built twice: by plain `cargo`, and by `cargo galeed`, which
//! rewrites the C that the build scripts compile. Each case runs in a process of
//! its own and prints one JSON line that says what it *observed*: bytes compared,
//! not crashes interpreted. Nothing here asks which build it is; `galeed::catch`
//! simply never returns an error when the C was not rewritten.
//!
//! Assumes of the attacker: controls the gzip file (`cve`), or is a plain bug in C.

mod cve;
mod honest;
mod json;
mod planted;
mod witness;
mod zlib;

use std::process::ExitCode;

/// Every allocation of this program lives in the host domain.
#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;

const USAGE: &str = "usage: demo honest FILE.gz [REPEATS] | cve FILE.gz | quiet | stale | uaf";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["honest", file] => honest::run(file, 1),
        ["honest", file, repeats] => match repeats.parse() {
            Ok(count) if count >= 1 => honest::run(file, count),
            _ => Err(format!("REPEATS must be a number from 1, not {repeats:?}")),
        },
        ["cve", file] => cve::run(file),
        ["quiet"] => planted::quiet(),
        ["stale"] => planted::stale(),
        ["uaf"] => planted::uaf(),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("demo: {message}");
            ExitCode::from(2)
        }
    }
}
