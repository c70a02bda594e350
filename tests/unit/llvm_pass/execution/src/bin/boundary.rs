//! The host of boundary/*.c: every way into foreign code, by name, alias, pointer and with dots, drops the
//! rights; calls from one C file to another keep them dropped; further arguments cross the membrane.
//!
//! With a name as argument: calls a function that is no entry, which must not return.
use galeed::{Kind, Policy, catch};
use std::ffi::{CStr, c_char, c_double, c_int, c_long, c_ulong};

#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;

type Peek = unsafe extern "C" fn(c_ulong) -> c_long;
type Called = unsafe extern "C" fn(*mut c_long) -> c_long;

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Three {
    a: c_long,
    b: c_long,
    c: c_double,
}

unsafe extern "C" {
    fn peek_plain(at: c_ulong) -> c_long;
    fn peek_weak(at: c_ulong) -> c_long;
    fn peek_hidden(at: c_ulong) -> c_long;
    fn peek_protected(at: c_ulong) -> c_long;
    fn peek_alias(at: c_ulong) -> c_long;
    fn remember(at: c_ulong);
    fn peek_variadic(n: c_int, ...) -> c_long;
    fn peek_behind(at: c_ulong) -> c_long;
    fn peek_behind_alias(at: c_ulong) -> c_long;
    fn peek_behind_weak(at: c_ulong) -> c_long;
    fn peek_behind_variadic(at: c_ulong) -> c_long;
    fn peek_chosen(at: c_ulong) -> c_long;
    fn tripled(number: c_long) -> c_long;
    fn get_static() -> Peek;
    static used_table: Peek;
    fn sum_behind(numbers: *const c_long, count: c_long) -> c_long;
    fn sum_assembled(numbers: *const c_long, count: c_long) -> c_long;
    fn call_back(function: Called, number: *mut c_long) -> c_long;
    fn was_started() -> c_int;
    fn mixed(kinds: *const c_char, ...) -> c_double;
    fn formatted(to: *mut c_char, room: c_ulong, format: *const c_char, ...) -> c_int;
    fn scanned(from: *const c_char, format: *const c_char, ...) -> c_int;
    fn mixed_inside() -> c_double;
    fn pick(which: c_int, ...) -> *mut c_long;
    fn with_three(first: c_long, ...) -> Three;
}

unsafe extern "C" fn doubled(number: *mut c_long) -> c_long {
    // SAFETY: null, or a number of ours that came back through C.
    unsafe {
        if number.is_null() {
            return 1000;
        }
        *number *= 2;
        *number
    }
}

fn expect<T>(name: &str, kind: Kind, body: impl FnOnce() -> T) {
    match catch(body) {
        Ok(_) => panic!("{name}: went unnoticed"),
        Err(violation) => assert_eq!(violation.kind, kind, "{name}: {violation:?}"),
    }
}

fn rights_are_dropped() {
    let secret = Box::new(0x5ec4e7 as c_long);
    let at = (&raw const *secret).addr() as c_ulong;
    // SAFETY: C is stopped, or this fails.
    unsafe {
        let ways: [(&str, Peek); 12] = [
            ("plain", peek_plain),
            ("weak", peek_weak),
            ("hidden", peek_hidden),
            ("protected", peek_protected),
            ("alias", peek_alias),
            ("behind", peek_behind),
            ("behind alias", peek_behind_alias),
            ("behind weak", peek_behind_weak),
            ("behind variadic", peek_behind_variadic),
            ("ifunc", peek_chosen),
            ("static", get_static()),
            ("used", used_table),
        ];
        for (name, peek) in ways {
            expect(name, Kind::Boundary, || peek(at));
        }
        expect("plain, by name", Kind::Boundary, || peek_plain(at));
        remember(at);
        expect("variadic", Kind::Boundary, || peek_variadic(1, 0 as c_ulong));
        assert_eq!(*secret, 0x5ec4e7);
    }
}

fn from_file_to_file() {
    let numbers: Vec<c_long> = (1..=10).collect();
    let mut number = Box::new(21);
    // SAFETY: C stays inside or is stopped.
    unsafe {
        assert_eq!(sum_behind(numbers.as_ptr(), 10), 55);
        assert_eq!(sum_assembled(numbers.as_ptr(), 10), 65);
        expect("one too many", Kind::Spatial, || sum_behind(numbers.as_ptr(), 11));
        assert_eq!(call_back(doubled, &mut *number), 43);
        assert_eq!((*number, was_started(), tripled(5)), (42, 1, 15));
    }
}

/// Further arguments in registers and behind them, pointers among them.
fn dots() {
    let text = |kinds: &'static CStr| kinds.as_ptr();
    let (a, b) = (Box::new(5 as c_long), Box::new(70 as c_long));
    let mut out = Box::new(0 as c_long);
    let (pa, pb, po) = (&raw const *a, &raw const *b, &raw mut *out);
    let heap: std::ffi::CString = c"ii".to_owned();
    // SAFETY: the arguments are as the letters say; C stays inside or is stopped.
    unsafe {
        assert_eq!(mixed(heap.as_ptr(), 1, 2), 3.0);
        assert_eq!(mixed(text(c"iiiiiiii"), 1, 2, 3, 4, 5, 6, 7, 8), 36.0);
        assert_eq!(mixed(text(c"ddddddddddi"), 1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 100), 155.0);
        assert_eq!(mixed(text(c"plppppppw"), pa, 1 as c_long, pb, pa, pa, pb, pb, pa, po), 231.0);
        assert_eq!(*out, 231);
        assert_eq!(mixed(text(c"f"), doubled as Called), 1000.0);
        assert_eq!(mixed(text(c"dddddddddf"), 1., 1., 1., 1., 1., 1., 1., 1., 1., doubled as Called), 1009.0);
        assert_eq!(mixed_inside(), 7.5);
        assert_eq!(pick(0, pa, pb), pa.cast_mut());
        assert_eq!(pick(7, pa, pa, pa, pa, pa, pa, pa, pb), pb.cast_mut());
        assert_eq!(with_three(1, 2 as c_long, 3.0), Three { a: 1, b: 2, c: 3.0 });
        expect("beyond a further argument", Kind::Spatial, || mixed(text(c"p"), pa.add(1)));
        expect("beyond one on the stack", Kind::Spatial, || {
            mixed(text(c"iiiiiip"), 1, 2, 3, 4, 5, 6, pa.add(1))
        });
    }
}

/// Handed on to the C library as a va_list.
fn dots_handed_on() {
    let (word, mut room) = (c"lent".to_owned(), vec![0 as c_char; 40]);
    let (mut number, mut rest) = (Box::new(0 as c_int), vec![0 as c_char; 8]);
    let not_ended = [b'x'; 24].to_vec();
    // SAFETY: the arguments are as the formats say; C stays inside or is stopped.
    unsafe {
        let text = word.as_ptr();
        let made = formatted(room.as_mut_ptr(), 40, c"%d %s %d %s %.1f %s".as_ptr(), 1, text, 2, text, 2.5, text);
        assert_eq!((made, CStr::from_ptr(room.as_ptr())), (22, c"1 lent 2 lent 2.5 lent"));
        assert_eq!(scanned(c"17 end".as_ptr(), c"%d %7s".as_ptr(), &raw mut *number, rest.as_mut_ptr()), 2);
        assert_eq!((*number, CStr::from_ptr(rest.as_ptr())), (17, c"end"));
        expect("text without an end", Kind::Spatial, || {
            formatted(room.as_mut_ptr(), 40, c"%s".as_ptr(), not_ended.as_ptr())
        });
        expect("scanned into too little", Kind::Spatial, || {
            scanned(c"123456789".as_ptr(), c"%9s".as_ptr(), rest.as_mut_ptr())
        });
    }
}

fn main() {
    if std::env::args().nth(1).is_some() {
        // SAFETY: ends in a violation.
        unsafe { peek_plain(&raw const HEAP as c_ulong) };
        println!("went through");
        return;
    }
    galeed::set_policy(Policy::Unwind).expect("the runtime starts");
    rights_are_dropped();
    from_file_to_file();
    dots();
    dots_handed_on();
    println!("the boundary is as it should be");
}
