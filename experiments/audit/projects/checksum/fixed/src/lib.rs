//! Rolling checksums.

mod state;
mod sums;

pub use state::Rolling;
pub use sums::Options;

/// Options as the library will use them.
pub fn normalise(options: &mut Options) -> bool {
    // SAFETY: alive.
    unsafe { sums::sum_normalise(options) == 0 }
}

/// The value that a sum begins with.
pub fn seed(start: u32) -> u32 {
    let key = sums::Key {
        words: [start, 0, 0, 0],
    };
    // SAFETY: C reads it.
    unsafe { sums::sum_seed(&key) }
}
