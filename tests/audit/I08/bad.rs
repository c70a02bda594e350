#[no_mangle]
pub unsafe extern "C" fn third(bytes: *const u8, n: usize) -> u8 {
    std::slice::from_raw_parts(bytes, n)[2]
}

fn parsed(text: &str) -> u32 {
    text.parse().unwrap()
}

#[no_mangle]
pub extern "C" fn deep(n: u32) -> u32 {
    parsed(if n == 0 { "one" } else { "2" })
}
