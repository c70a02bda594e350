//! Two exclusive leases on one value.
fn main() {
    let mut number = 1u32;
    let one = galeed::lend_mut(&mut number).unwrap();
    let two = galeed::lend_mut(&mut number).unwrap();
    println!("{:?} {:?}", one.as_ptr(), two.as_ptr());
}
