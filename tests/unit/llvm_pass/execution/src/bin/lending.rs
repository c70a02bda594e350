//! The host of lending.c. Lends the structure that its argument says, and prints what C made of it.
use std::ffi::c_int;

#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;

#[repr(C)]
struct Inner {
    number: c_int,
}

#[repr(C)]
struct Lent {
    number: c_int,
    inside: Inner,
    further: *mut c_int,
}

#[repr(C)]
struct Owned {
    number: c_int,
    back: *mut Lent,
}

unsafe extern "C" {
    fn touch_lent(it: *mut Lent) -> c_int;
    fn touch_beyond(it: *mut Lent, between: extern "C" fn(*mut Lent)) -> c_int;
    fn touch_owned(it: *mut Owned) -> c_int;
    fn keep_owned(it: *mut Owned);
    fn touch_bytes_of_owned() -> c_int;
}

extern "C" fn between(it: *mut Lent) {
    // SAFETY: the object that main lent, turned back.
    unsafe { (*it).number *= 2 };
}

fn main() {
    let mut number = Box::new(30);
    let mut lent = Box::new(Lent { number: 10, inside: Inner { number: 20 }, further: &raw mut *number });
    let mut owned = Box::new(Owned { number: 40, back: &raw mut *lent });
    let which = std::env::args().nth(1).unwrap_or_default();
    // SAFETY: C reads and writes what these point to during the calls, no more.
    let got = unsafe {
        match which.as_str() {
            "lent" => touch_lent(&raw mut *lent),
            "owned" => touch_owned(&raw mut *owned),
            "bytes" => {
                keep_owned(&raw mut *owned);
                touch_bytes_of_owned()
            }
            "beyond" => match galeed::catch(|| touch_beyond(&raw mut *lent, between)) {
                Ok(got) => got,
                Err(violation) => -(violation.kind as c_int),
            },
            _ => panic!("lent, owned, bytes or beyond"),
        }
    };
    println!("{got}, {} {} {} {}", lent.number, lent.inside.number, number, owned.number);
}
