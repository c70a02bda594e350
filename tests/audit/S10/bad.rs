unsafe extern "C" {
    fn fill(bytes: *mut u8, length: usize);
}

pub fn filled() -> [u8; 4] {
    let bytes = [0u8; 4];
    unsafe { fill(&bytes as *const [u8; 4] as *mut u8, bytes.len()) };
    bytes
}

pub fn refilled(bytes: &u8) {
    unsafe { fill(bytes as *const u8 as *mut u8, 1) };
}
