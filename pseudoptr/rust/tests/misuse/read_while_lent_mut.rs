//! Rust reads what C may write.
fn main() {
    let mut numbers = [1u32, 2];
    let lent = galeed::lend_mut(&mut numbers[..]).unwrap();
    println!("{}", numbers[0]);
    println!("{:?}", lent.as_ptr());
}
