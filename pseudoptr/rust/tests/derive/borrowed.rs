//! While it is lent, Rust keeps its hands off.
#[derive(galeed::Foreign)]
#[repr(C)]
struct Number {
    value: u32,
}

fn main() {
    let mut number = Number { value: 1 };
    let lent = galeed::lend_typed_mut(&mut number).unwrap();
    number.value = 2;
    drop(lent);
}
