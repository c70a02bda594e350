//! A writable lease on what is only borrowed for reading.
fn lend(number: &u32) {
    let _ = galeed::lend_mut(number);
}

fn main() {
    lend(&1);
}
