use std::ffi::{c_char, CString, NulError};

extern "C" {
    fn decode(text: *const c_char, out: *mut u8) -> usize;
    fn sum(values: *const u64) -> u64;
}

pub fn decoded(text: &str) -> Result<[u8; 8], NulError> {
    let mut out = [0; 8];
    let text = CString::new(text)?;
    unsafe { decode(text.into_raw(), out.as_mut_ptr()) };
    Ok(out)
}

pub fn summed(n: u64) -> u64 {
    let boxed = Box::into_raw(Box::new([n, n]));
    if boxed.is_null() {
        return 0;
    }
    unsafe { sum(boxed.cast()) }
}
