use std::panic::catch_unwind;

#[no_mangle]
pub unsafe extern "C" fn third(bytes: *const u8, n: usize) -> u8 {
    std::slice::from_raw_parts(bytes, n).get(2).copied().unwrap_or(0)
}

#[no_mangle]
pub extern "C" fn always_in_range(n: u8) -> u8 {
    let table = [1u8; 256];
    table[n as usize]
}

#[no_mangle]
pub extern "C" fn caught(n: usize) -> u8 {
    catch_unwind(|| [1u8, 2, 3][n]).unwrap_or(0)
}

#[no_mangle]
pub extern "C" fn allocates(n: usize) -> *mut u8 {
    Box::leak(vec![0u8; n].into_boxed_slice()).as_mut_ptr()
}

pub fn not_for_c(n: usize) -> u8 {
    [1u8, 2, 3][n]
}

// The standard library guards its swap as it would a function for C.
pub fn swaps(a: &mut [[u64; 9]], n: usize) {
    let (left, right) = a.split_at_mut(n);
    std::mem::swap(&mut left[0], &mut right[n]);
}
