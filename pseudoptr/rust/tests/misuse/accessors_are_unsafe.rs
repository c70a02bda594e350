//! Rust calls what rewritten C calls: a raw address is accessed as it is.
fn main() {
    let number = 1u64;
    galeed::ffi::galeed_store8((&raw const number).addr() as u64, 2);
    galeed::ffi::galeed_memset((&raw const number).addr() as u64, 0, 9);
}
