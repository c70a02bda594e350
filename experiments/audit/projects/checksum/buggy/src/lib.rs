//! Rolling checksums.

mod state;
mod sums;

pub use state::Rolling;
pub use sums::Options;

/// Options as the library will use them.
pub fn normalise(options: &Options) -> bool {
    let raw = options as *const Options as *mut Options;
    // SAFETY: alive.
    unsafe { sums::sum_normalise(raw) == 0 }
}

/// The value that a sum begins with.
pub fn seed(start: u32) -> u32 {
    let key = start;
    // SAFETY: C reads it.
    unsafe { sums::sum_seed((&key as *const u32).cast()) }
}
