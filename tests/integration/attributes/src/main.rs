//! `attributes work`: all that is allowed. `attributes NAME`: one mistake, which must be stopped.
#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;

use std::ffi::{CStr, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

// tests/integration/lendcalls/prebuilt.c, compiled by gcc.
#[galeed::foreign]
#[link(name = "prebuilt")]
unsafe extern "C" {
    fn pre_sum(#[lend(bytes = 4 * count)] at: *const i32, count: usize) -> i64;
    #[link_name = "pre_sum"]
    fn sum_of_rest(at: *const i32, count: usize) -> i64;
    fn pre_fill(#[lend(bytes = "bytes")] at: *mut u8, bytes: usize, value: c_int);
    fn pre_find(#[lend(nul)] text: *mut c_char, wanted: c_int) -> *mut c_char;
    fn pre_upper(#[lend(nul)] text: *mut c_char);
    fn pre_each(
        #[lend(bytes = count * 4)] at: *const i32,
        count: usize,
        visit: unsafe extern "C" fn(*mut c_void, i32),
        #[lend(opaque)] user: *mut c_void,
    );
    fn pre_through(
        body: unsafe extern "C-unwind" fn(*mut c_void),
        #[lend(opaque)] user: *mut c_void,
    );
    fn pre_throw(#[lend(bytes = count * 4)] at: *const i32, count: usize);
    fn pre_overflow(#[lend(bytes = 16)] at: *mut u8, distance: isize);
    fn pre_note(address: usize);
    fn pre_use_noted();
}

// caller.c, which is rewritten.
unsafe extern "C-unwind" {
    fn c_adds(at: *mut i64) -> i64;
    fn c_adds_by(add: unsafe extern "C-unwind" fn(*mut i64, i64) -> i64, at: *mut i64) -> i64;
    fn c_name_length() -> usize;
    fn c_makes_it_panic();
    fn c_adds_beyond(at: *mut i64) -> i64;
}

/// Allocates, which takes the host's rights.
#[galeed::export]
unsafe fn rust_add(at: *mut i64, value: i64) -> i64 {
    let boxed = std::hint::black_box(Box::new(value));
    // SAFETY: C passes a number's place.
    unsafe {
        *at += *boxed;
        *at
    }
}

/// In Rust's heap, for good.
#[galeed::export]
fn rust_name() -> *const c_char {
    Box::leak(c"a name of Rust".to_owned().into_boxed_c_str()).as_ptr()
}

#[galeed::export]
unsafe fn rust_panics(why: *const c_char) {
    // SAFETY: C passes a string.
    panic!("{}", unsafe { CStr::from_ptr(why) }.to_string_lossy());
}

#[galeed::export]
fn rust_panics_on(user: *mut c_void) {
    let boxed = Box::new(user.is_null());
    panic!("in the middle: {boxed}");
}

fn said(caught: std::thread::Result<()>) -> String {
    let panic = caught.expect_err("a panic");
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

fn work() -> Result<(), galeed::Error> {
    // Private and mapped memory, the heap's and the stack's.
    for count in [10, 5000] {
        let numbers: Vec<i32> = (1..=count).collect();
        // SAFETY: as many as there are.
        println!("{}", unsafe { pre_sum(numbers.as_ptr(), numbers.len()) });
        let mut bytes = vec![1u8; count as usize];
        // SAFETY: within the bytes.
        unsafe { pre_fill(bytes.as_mut_ptr().wrapping_add(1), 3, 7) };
        println!("{:?} {}", &bytes[..5], bytes.len());
    }
    let (few, guard) = ([1, 2, 3], vec![4; 4]);
    let lent = galeed::lend(&guard[1..3])?;
    // SAFETY: as many as there are, in all three.
    println!("{:?}", unsafe {
        (
            pre_sum(few.as_ptr(), 3),
            sum_of_rest(guard.as_ptr(), 4),
            pre_sum(lent.as_ptr(), lent.len()),
        )
    });
    let mut text = c"gated text".to_owned().into_bytes_with_nul();
    // SAFETY: a string; the result points into it.
    unsafe {
        let start = text.as_mut_ptr().cast();
        let found = pre_find(start, c_int::from(b't'));
        println!(
            "{} {}",
            found.offset_from(start),
            pre_find(start, c_int::from(b'z')).is_null()
        );
        pre_upper(start);
    }
    println!("{:?}", CStr::from_bytes_until_nul(&text).unwrap());

    let mut seen = Vec::new();
    {
        let visit = galeed::callback!(|user, value: i32| seen.push(Box::new(value * 2)));
        // SAFETY: reads three, calls back meanwhile.
        unsafe { pre_each(few.as_ptr(), 3, visit.function(), visit.user()?) };
    }
    println!("{seen:?}");
    // SAFETY: as many as there are; what C++ throws ends at the gate.
    let thrown = catch_unwind(|| unsafe { pre_throw(few.as_ptr(), 3) });
    println!("{}", said(thrown));
    // SAFETY: passes on what it is given; a panic may pass its frames.
    let through = || unsafe { pre_through(rust_panics_on, std::ptr::null_mut()) };
    println!("{}", said(catch_unwind(through)));
    let visit = galeed::callback!(extern "C-unwind" |user| panic!("{}", String::from("a closure")));
    let user = visit.user()?;
    // SAFETY: as above.
    let through = || unsafe { pre_through(visit.function(), user) };
    println!("{}", said(catch_unwind(AssertUnwindSafe(through))));

    let mut number = Box::new(1);
    // SAFETY: the number's place, each time.
    unsafe {
        println!("{}", c_adds(&mut *number));
        println!("{} {}", c_adds_by(rust_add, &mut *number), c_name_length());
        println!("{}", said(catch_unwind(|| c_makes_it_panic())));
        println!("{}", rust_add(&mut *number, 1));
    }
    Ok(())
}

fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    // SAFETY: none where it is a mistake, which is the test's point.
    unsafe {
        match name.as_str() {
            "work" => work().expect("leases"),
            "short" => drop(pre_sum(vec![1, 2, 3].as_ptr(), 4)),
            "overflow" => pre_overflow(vec![0u8; 8192].as_mut_ptr(), 1 << 20),
            "stale" => {
                let object = Box::new(5);
                pre_note(&raw const *object as usize);
                pre_use_noted();
                println!("unnoticed {object}");
            }
            "unterminated" => pre_upper(vec![b'a' as c_char; 16].as_mut_ptr()),
            "beyond" => drop(c_adds_beyond(
                &mut *Box::new([1i64, 2]) as *mut _ as *mut i64
            )),
            "no-gate" => rust_panics(c"nobody is there".as_ptr()),
            "not-exported" => {
                unsafe extern "C" fn plain(_: *mut c_void, value: i32) {
                    std::hint::black_box(Box::new(value));
                }
                pre_each([1].as_ptr(), 1, plain, std::ptr::null_mut());
            }
            other => panic!("no mistake {other}"),
        }
    }
}
