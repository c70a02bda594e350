//! A guard goes to another thread, and what it lends may not.
use std::cell::Cell;

fn main() {
    let cell = Cell::new(1u32);
    let lent = galeed::lend(&cell).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || println!("{:?}", lent.as_ptr()));
    });
}
