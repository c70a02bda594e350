//! A read-only lease where C writes.
unsafe extern "C" fn write(_: *mut u32) {}

fn main() {
    let number = 1u32;
    let lent = galeed::lend(&number).unwrap();
    unsafe { write(lent.as_ptr()) };
}
