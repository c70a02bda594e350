//! What was handed over comes back as another type.
fn main() {
    let out: *mut u64 = galeed::into_foreign(Box::new(1u64)).unwrap();
    let _: Box<i64> = galeed::from_foreign(out).unwrap();
}
