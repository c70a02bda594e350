//! A program that forgot the allocator: its first gate says so and aborts, since
//! its heap would not be isolated.

use galeed::ffi::{galeed_gate_enter, galeed_gate_exit};

fn main() {
    let mut frame = 0u8;
    let token = (&raw mut frame).cast();
    // SAFETY: the token is in this frame, the name static; paired below.
    unsafe { galeed_gate_enter(token, c"planted".as_ptr()) };
    // SAFETY: pairs with the enter above.
    unsafe { galeed_gate_exit(token) };
    println!("entered");
}
