#[unsafe(no_mangle)]
pub extern "C" fn parse(text: *const u8, length: usize) -> i32 {
    let bytes = unsafe { std::slice::from_raw_parts(text, length) };
    std::str::from_utf8(bytes).unwrap().parse().unwrap()
}
