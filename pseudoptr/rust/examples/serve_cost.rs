//! What a served access costs, beside an accessor's call and a raw access.
//!
//! `GALEED_ON_TRAP=serve cargo run --release --example serve_cost`

use std::arch::asm;
use std::ffi::c_void;
use std::hint::black_box;
use std::time::Instant;

#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;

const TIMES: u32 = 20_000;

/// Nanoseconds for each of `TIMES` calls, the best of five rounds.
fn nanoseconds(mut body: impl FnMut()) -> f64 {
    let round = |_| {
        let begins = Instant::now();
        for _ in 0..TIMES {
            body();
        }
        begins.elapsed().as_nanos() as f64 / f64::from(TIMES)
    };
    (0..5).map(round).fold(f64::MAX, f64::min)
}

/// With foreign rights.
fn foreign<T>(body: impl FnOnce() -> T) -> T {
    let mut frame = 0u8;
    let token = (&raw mut frame).cast::<c_void>();
    // SAFETY: the token is in this frame, the name static; the two are paired.
    unsafe {
        galeed::ffi::galeed_gate_enter(token, c"serve_cost".as_ptr());
        let value = body();
        galeed::ffi::galeed_gate_exit(token);
        value
    }
}

fn main() {
    if std::env::var("GALEED_ON_TRAP").as_deref() != Ok("serve") {
        eprintln!("serve_cost: set GALEED_ON_TRAP=serve");
        std::process::exit(2);
    }
    let raw = [7u64; 4];
    let raw = (&raw const raw).expose_provenance() as u64;
    println!("access                          raw ns   accessor ns   served ns   served/accessor");
    for (name, bytes) in [("private", 64usize), ("mapped", 8192)] {
        let object = vec![1u64; bytes / 8];
        let handle = galeed::ffi::galeed_gate_argument(object.as_ptr().expose_provenance() as u64);
        let load = |from: u64| {
            // SAFETY: the address is readable, or the access is checked.
            unsafe { asm!("mov {to}, [{from}]", from = in(reg) from, to = out(reg) _) };
        };
        let step = |from: u64| {
            // SAFETY: as above.
            unsafe { asm!("imul {to}, [{from}], 3", from = in(reg) from, to = out(reg) _) };
        };
        // SAFETY: a pseudo-pointer, so it is checked.
        let call = || unsafe { galeed::ffi::galeed_load8(handle) };
        let accessor = foreign(|| nanoseconds(|| _ = black_box(call())));
        let kinds: [(&str, &dyn Fn(u64)); 2] = [("plain load", &load), ("single-stepped", &step)];
        for (kind, access) in kinds {
            let before = foreign(|| nanoseconds(|| access(black_box(raw))));
            let served = foreign(|| nanoseconds(|| access(black_box(handle))));
            println!(
                "{:<28}{before:>10.1}{accessor:>14.1}{served:>12.0}{:>18.1}",
                format!("{kind}, {name}"),
                served / accessor
            );
        }
    }
}
