use std::cell::UnsafeCell;
use std::ffi::c_int;

#[repr(C)]
pub struct State {
    pub count: c_int,
    pub total: c_int,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Big {
    pub words: [u64; 5],
}

extern "C" {
    fn own_copy(by_value: Big) -> u64;
    fn look(state: &State) -> c_int;
    fn bump(state: &mut State) -> c_int;
    fn count(cell: &UnsafeCell<c_int>) -> c_int;
    fn sum(bytes: *const u8, n: usize) -> c_int;
    fn fill(bytes: *mut u8, n: usize);
    fn through(state: &*mut State);
}

pub fn all(state: &State, own: &mut State, cell: &UnsafeCell<c_int>, bytes: &[u8], out: &mut [u8]) -> c_int {
    unsafe {
        fill(out.as_mut_ptr(), out.len());
        through(&(own as *mut State));
        look(state) + bump(own) + count(cell) + sum(bytes.as_ptr(), bytes.len())
    }
}

pub fn copied(big: &Big) -> u64 {
    unsafe { own_copy(*big) }
}
