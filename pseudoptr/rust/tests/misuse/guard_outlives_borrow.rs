//! A guard that outlives what it lends.
fn main() {
    let lent = {
        let numbers = vec![1u32, 2, 3];
        galeed::lend(&numbers[..]).unwrap()
    };
    println!("{:?}", lent.as_ptr());
}
