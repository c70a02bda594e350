#[unsafe(no_mangle)]
pub extern "C" fn take(count: i32) -> i32 {
    assert!(count >= 1);
    count
}
