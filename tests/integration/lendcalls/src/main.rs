//! The host of prebuilt.c: one thing a run, so that each ends in a process of its own.
//!
//! What is printed is the same whether the calls are gated or not, but for the attacks.

use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::hint::black_box;

#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;

#[repr(C)]
struct Triple {
    least: i64,
    most: i64,
    sum: i64,
}

type Adder = extern "C" fn(i64) -> i64;
type Visit = extern "C" fn(*mut c_void, i32);

unsafe extern "C" {
    fn pre_sum(at: *const i32, count: usize) -> i64;
    fn pre_fill(at: *mut u8, bytes: usize, value: c_int);
    fn pre_find(text: *mut c_char, wanted: c_int) -> *mut c_char;
    fn pre_upper(text: *mut c_char);
    fn pre_triple(at: *const i32, count: usize) -> Triple;
    fn pre_each(at: *const i32, count: usize, visit: Visit, user: *mut c_void);
    fn pre_same(given: Adder) -> Adder;
    fn pre_print(format: *const c_char, ...) -> c_int;
    fn pre_kept(memory: *mut c_void);
    fn pre_overflow(at: *mut u8, distance: isize);
    fn pre_note(address: usize);
    fn pre_use_noted();
    fn pre_call_noted();
    fn host_catches(at: *const i32, count: usize) -> i64;
}
unsafe extern "C-unwind" {
    fn pre_through(body: extern "C-unwind" fn(*mut c_void), user: *mut c_void);
}

extern "C" fn add_to(user: *mut c_void, value: i32) {
    // SAFETY: the pointer that this program passed as `user`.
    let seen = unsafe { &mut *user.cast::<Vec<i64>>() };
    // A gate inside of a callback inside of a gate; and the host's heap is open here.
    let pair = vec![value; 2];
    // SAFETY: two numbers are there.
    seen.push(unsafe { pre_sum(pair.as_ptr(), pair.len()) });
}

extern "C" fn count(user: *mut c_void, _value: i32) {
    // SAFETY: as above.
    unsafe { *user.cast::<i64>() += 1 };
}

extern "C" fn plus_one(value: i64) -> i64 {
    value + 1
}

extern "C-unwind" fn counts(user: *mut c_void) {
    // SAFETY: as above.
    unsafe { *user.cast::<i64>() += 1 };
}

extern "C-unwind" fn panics(user: *mut c_void) {
    // SAFETY: as above.
    let text = unsafe { &*user.cast::<String>() };
    panic!("{text}");
}

/// Small ones are lent privately, those of a page or more are mapped.
fn numbers(length: i32) -> Vec<i32> {
    (1..=length).collect()
}

fn work() {
    // SAFETY: each call gets what prebuilt.c says it takes.
    unsafe {
        for length in [10, 5000] {
            let mut list = numbers(length);
            let Triple { least, most, sum } = pre_triple(list.as_ptr(), list.len());
            println!(
                "{} {least} {most} {sum}",
                pre_sum(list.as_ptr(), list.len())
            );
            pre_fill(list.as_mut_ptr().cast(), 8, 1);
            println!("{:#x} {:#x} {}", list[0], list[1], list[2]);
        }
        let mut text = b"prebuilt and trusted\0".to_vec();
        let start: *mut c_char = text.as_mut_ptr().cast();
        let found = pre_find(start, b'a'.into());
        println!(
            "{} {}",
            found.offset_from(start),
            CStr::from_ptr(found).to_str().unwrap()
        );
        pre_upper(start);
        println!(
            "{} {}",
            CStr::from_ptr(start).to_str().unwrap(),
            pre_find(start, b'z'.into()).is_null()
        );
        let list = numbers(4);
        let mut seen: Box<Vec<i64>> = Box::default();
        pre_each(list.as_ptr(), list.len(), add_to, (&raw mut *seen).cast());
        println!("{seen:?}");
        for (visit, times) in black_box([(count as Visit, 2i64), (count as Visit, 3)]) {
            let mut counted = Box::new(times);
            pre_each(list.as_ptr(), list.len(), visit, (&raw mut *counted).cast());
            print!("{counted} ");
        }
        // Called by the host, the function that came back is the same.
        println!("{}", pre_same(plus_one)(41));
        // The function's address: through it the call is gated, too.
        let indirect: unsafe extern "C" fn(*const i32, usize) -> i64 = black_box(pre_sum);
        println!("{}", indirect(list.as_ptr(), list.len()));
        let mut again: Box<i64> = Box::new(4);
        pre_through(counts, (&raw mut *again).cast());
        println!("{again}");
        // Code of the host in C++: an exception of the library's comes out of its gate.
        println!("{}", host_catches(list.as_ptr(), list.len()));
        println!("{}", pre_sum(list.as_ptr(), list.len()));
    }
}

unsafe extern "C" {
    fn qsort(at: *mut c_void, count: usize, bytes: usize, order: Order);
    fn strtol(text: *const c_char, end: *mut *const c_char, base: c_int) -> c_long;
    fn snprintf(to: *mut c_char, room: usize, format: *const c_char, ...) -> c_int;
}
type Order = extern "C" fn(*const c_void, *const c_void) -> c_int;

extern "C" fn backwards(a: *const c_void, b: *const c_void) -> c_int {
    // SAFETY: qsort passes elements of what it sorts.
    let (a, b) = unsafe { (*a.cast::<i32>(), *b.cast::<i32>()) };
    b.cmp(&a) as c_int
}

/// The C library is prebuilt, too, and its table says what it touches.
fn libc() {
    // SAFETY: each call gets what the C library says it takes.
    unsafe {
        for length in [5, 3000] {
            let mut list = numbers(length);
            qsort(list.as_mut_ptr().cast(), list.len(), 4, backwards);
            println!("{} {}", list[0], list[list.len() - 1]);
        }
        let text = b"42 apples\0".to_vec();
        let start: *const c_char = text.as_ptr().cast();
        let mut end = std::ptr::null();
        let number = strtol(start, &mut end, 10);
        println!("{number} {:?}", CStr::from_ptr(end));
        let mut end = Box::new(std::ptr::null());
        println!(
            "{} {}",
            strtol(start, &mut *end, 10),
            end.offset_from(start)
        );
        let mut room = vec![0u8; 40];
        let written = snprintf(
            room.as_mut_ptr().cast(),
            40,
            c"%d %s %.1f".as_ptr(),
            7,
            start,
            2.5f64,
        );
        println!("{written} {:?}", CStr::from_bytes_until_nul(&room).unwrap());
    }
}

/// A lease of a part, for reading only: nothing that could be used where there are no gates.
fn lease() {
    let list = numbers(9);
    let part = galeed::lend(&list[2..5]).unwrap();
    let handle = std::ptr::with_exposed_provenance(part.handle() as usize);
    // SAFETY: three numbers are lent.
    println!("{}", unsafe { pre_sum(handle, 3) });
}

/// Several threads of the host in and out of the library.
fn threads() {
    let total: i64 = std::thread::scope(|scope| {
        let run = |seed: i32| {
            let mut sum = 0;
            for round in 0..200 {
                let list = numbers(seed + round % 3);
                // SAFETY: as many numbers as are said.
                sum += unsafe { pre_sum(list.as_ptr(), list.len()) };
            }
            sum
        };
        let all: Vec<_> = (1..5).map(|seed| scope.spawn(move || run(seed))).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    println!("{total}");
}

/// A refused call is not made; afterwards all is as it was. GALEED_ON_VIOLATION says how it goes on.
fn refused() {
    let list = numbers(3);
    // SAFETY: none: more is said to be there than is.
    let caught = galeed::catch(|| unsafe { pre_sum(list.as_ptr(), 4) });
    println!("{:?}", caught.map_err(|violation| violation.kind));
    let mut after = Box::new(1i64);
    // SAFETY: what it takes.
    unsafe { pre_each(list.as_ptr(), list.len(), count, (&raw mut *after).cast()) };
    println!("{after} {}", list.len());
}

/// zlib as the distribution ships it; no row of the policy speaks of it.
#[cfg(feature = "zlib")]
fn zlib() {
    use std::ffi::c_ulong;
    unsafe extern "C" {
        fn compress(to: *mut u8, room: *mut c_ulong, from: *const u8, bytes: c_ulong) -> c_int;
        fn uncompress(to: *mut u8, room: *mut c_ulong, from: *const u8, bytes: c_ulong) -> c_int;
        fn crc32(crc: c_ulong, at: *const u8, bytes: u32) -> c_ulong;
    }
    for times in [3, 3000] {
        let plain = "prebuilt ".repeat(times).into_bytes();
        let mut packed = vec![0u8; plain.len() + 100];
        let mut again = vec![0u8; plain.len()];
        let mut sizes = Box::new([packed.len() as c_ulong, again.len() as c_ulong]);
        // SAFETY: buffers of the sizes that are said.
        unsafe {
            assert_eq!(
                compress(
                    packed.as_mut_ptr(),
                    &raw mut sizes[0],
                    plain.as_ptr(),
                    plain.len() as c_ulong
                ),
                0
            );
            assert_eq!(
                uncompress(
                    again.as_mut_ptr(),
                    &raw mut sizes[1],
                    packed.as_ptr(),
                    sizes[0]
                ),
                0
            );
            println!(
                "{} {:#x}",
                again == plain,
                crc32(0, plain.as_ptr(), plain.len() as u32)
            );
        }
    }
}

fn main() {
    let mut buffer = vec![0u8; 4096];
    let secret = vec![7u8; 4096];
    let distance = secret.as_ptr().addr().wrapping_sub(buffer.as_ptr().addr()) as isize;
    let stale: extern "C" fn(*mut c_void, i32) = count;
    // SAFETY: none: these are the mistakes that galeed is for.
    unsafe {
        match std::env::args().nth(1).as_deref() {
            Some("work") => return work(),
            Some("libc") => return libc(),
            Some("lease") => return lease(),
            Some("threads") => return threads(),
            Some("refused") => return refused(),
            #[cfg(feature = "zlib")]
            Some("zlib") => return zlib(),
            Some("overflow") => pre_overflow(buffer.as_mut_ptr(), distance),
            Some("stale") => {
                pre_note(secret.as_ptr().addr());
                pre_use_noted();
            }
            Some("code") => {
                pre_note(steal as extern "C" fn() as usize);
                pre_call_noted();
            }
            Some("function") => {
                // One byte into a function: no gate knows it.
                let odd = (stale as *const u8).wrapping_add(1);
                let odd = std::mem::transmute::<*const u8, Visit>(black_box(odd));
                pre_each([1].as_ptr(), 0, odd, std::ptr::null_mut());
            }
            Some("short") => {
                // The row says that four bytes a number are read: more than there are.
                let list = numbers(3);
                println!("{}", pre_sum(list.as_ptr(), 4));
            }
            Some("variadic") => println!("{}", pre_print(c"%s".as_ptr(), buffer.as_ptr())),
            Some("panic") => {
                let why = Box::new(String::from("a panic through C"));
                let user = (&raw const *why).cast_mut().cast();
                let caught = std::panic::catch_unwind(|| pre_through(panics, user));
                println!("{}", caught.is_err());
            }
            Some("kept") => pre_kept(buffer.as_mut_ptr().cast()),
            _ => println!("what?"),
        }
    }
    println!(
        "unnoticed: {}",
        if secret[0] == 7 {
            "nothing changed"
        } else {
            "corrupted"
        }
    );
}

/// Host code that was never given to anybody.
extern "C" fn steal() {
    SECRET.with(|secret| println!("unnoticed: {}", secret.len()));
}
thread_local!(static SECRET: Box<String> = Box::new("of the host".into()));
