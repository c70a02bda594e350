//! Rust writes to what C may read.
fn main() {
    let mut number = 1u32;
    let lent = galeed::lend(&number).unwrap();
    number += 1;
    println!("{:?}", lent.as_ptr());
}
