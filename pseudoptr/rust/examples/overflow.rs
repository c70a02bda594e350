//! Foreign code writes one byte past what it was lent; the default policy aborts.
//!
//! Run it to see a report: `cargo run -p galeed --example overflow`.

use galeed::ffi::{galeed_gate_argument, galeed_gate_enter, galeed_gate_exit, galeed_store1};

#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;

fn main() {
    let lent = Box::new([0u8; 64]);
    // What an entry gate and a rewritten store do.
    let pointer = galeed_gate_argument((&raw const *lent).expose_provenance() as u64);
    let mut frame = 0u8;
    let token = (&raw mut frame).cast();
    // SAFETY: the token is in this frame, the name static; paired below.
    unsafe { galeed_gate_enter(token, c"planted".as_ptr()) };
    // SAFETY: a pseudo-pointer, so it is checked.
    unsafe { galeed_store1(pointer + 64, 0x41) };
    // SAFETY: pairs with the enter above.
    unsafe { galeed_gate_exit(token) };
    println!("survived: {}", lent[63]);
}
