//! An out-parameter is taken for written without anybody having said so.
fn main() {
    let mut place = std::mem::MaybeUninit::<u64>::uninit();
    let lent = galeed::lend_out(&mut place).unwrap();
    drop(lent);
    let number: u64 = place.assume_init();
    println!("{number}");
}
