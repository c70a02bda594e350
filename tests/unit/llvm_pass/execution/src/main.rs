//! The host of forms.c: each check prints its name, so that a failure names its form.
use galeed::{Kind, Policy, catch};
use std::alloc::{Layout, alloc, dealloc};
use std::ffi::{c_char, c_double, c_int, c_long, c_void};

#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;

type Comparison = unsafe extern "C" fn(*const c_void, *const c_void) -> c_int;
type Through = unsafe extern "C" fn(*mut Node, c_double, Large) -> *mut Node;

#[repr(C)]
struct Node {
    next: *mut Node,
    value: c_int,
    call: Option<unsafe extern "C" fn(*mut Node, c_int) -> c_int>,
}
#[repr(C)]
struct Pair {
    first: *mut c_void,
    second: *mut c_void,
}
#[repr(C)]
#[derive(Clone, Copy)]
struct Large {
    numbers: [c_int; 10],
    node: *mut Node,
}
#[repr(C)]
#[derive(Clone, Copy)]
struct Slice {
    start: *mut c_char,
    length: c_long,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Big {
    p: *mut c_int,
    n: c_long,
    q: *mut c_int,
    d: c_double,
}

macro_rules! forms {
    ($($load:ident $store:ident $bytes:literal),*) => {
        unsafe extern "C" { $(fn $load(p: *const u8) -> u64; fn $store(p: *mut u8, value: *const u8);)* }
        fn exact_sizes() {
            $(exact(stringify!($load), $load, $store, $bytes);)*
        }
    };
}
forms!(load_u8 store_u8 1, load_u16 store_u16 2, load_u32 store_u32 4, load_u64 store_u64 8,
       load_u128 store_u128 16, load_f32 store_f32 4, load_f64 store_f64 8, load_f80 store_f80 10,
       load_v4 store_v4 16, load_v8 store_v8 32, load_three store_three 3);

unsafe extern "C" {
    fn volatile_add(p: *mut u32) -> u32;
    fn add_one(p: *mut c_int, n: c_int);
    fn hash(p: *const u8, n: usize) -> u64;
    fn fill(p: *mut u8, byte: c_int, n: usize);
    fn copy(to: *mut u8, from: *const u8, n: usize);
    fn slide(to: *mut u8, from: *const u8, n: usize);
    fn copy_own(to: *mut u8);
    fn exchange_pointer(p: *mut *mut c_void, v: *mut c_void) -> *mut c_void;
    fn compare_pointer(p: *mut *mut c_void, old: *mut c_void, new: *mut c_void) -> c_int;
    fn sum(n: *mut Node) -> c_int;
    fn last(n: *mut Node) -> *mut Node;
    fn join(a: *mut Node, b: *mut Node);
    fn swap(p: *mut Pair);
    fn set_both(p: *mut Pair, value: *mut c_void);
    fn keep(n: *mut Node);
    fn use_kept() -> c_int;
    fn pick(which: c_int, lent: *mut c_int) -> c_int;
    fn by_value(l: Large) -> Large;
    fn rest(s: Slice) -> Slice;
    fn many(a: c_int, b: c_int, c: c_int, d: c_int, e: c_int, f: c_int, g: c_int, p: *const c_int, h: i8) -> c_int;
    fn by_dots(p: *mut c_int) -> c_int;
    fn with_dots(f: unsafe extern "C" fn(c_int, *mut c_int, *mut c_int, *mut c_int) -> c_int, p: *mut c_int) -> c_int;
    fn with_own_dots(p: *mut c_int) -> c_int;
    fn get_compare() -> Comparison;
    fn through(f: Through, n: *mut Node) -> *mut Node;
    fn through_big(make: unsafe extern "C" fn(Big) -> Big, p: *mut c_int, n: c_long) -> c_int;
    fn was_started() -> c_int;
}

/// A host allocation of exactly so many bytes, aligned for any type.
fn buffer(bytes: usize) -> (*mut u8, Layout) {
    let layout = Layout::from_size_align(bytes.max(1), 64).unwrap();
    // SAFETY: the size is not 0.
    (unsafe { alloc(layout) }, layout)
}

fn expect_spatial<T>(name: &str, body: impl FnOnce() -> T) {
    match catch(body) {
        Ok(_) => panic!("{name}: one byte too many went unnoticed"),
        Err(violation) => assert_eq!(violation.kind, Kind::Spatial, "{name}: {violation:?}"),
    }
}

fn exact(
    name: &str,
    load: unsafe extern "C" fn(*const u8) -> u64,
    store: unsafe extern "C" fn(*mut u8, *const u8),
    bytes: usize,
) {
    // A private allocation, and one on pages of its own.
    for pages in [0, 2 * 4096] {
        let (source, source_layout) = buffer(bytes + pages);
        let (target, target_layout) = buffer(bytes + pages);
        // SAFETY: both hold bytes + pages bytes; C stays inside or is stopped.
        unsafe {
            for i in 0..bytes + pages {
                source.add(i).write(i as u8 ^ 0x15);
            }
            // 0x1515...: no NaN, which x87 and SSE might quieten.
            let at = source.add(pages);
            let mut words = [0u8; 32];
            words[..bytes].copy_from_slice(std::slice::from_raw_parts(at, bytes));
            let expected = words.chunks(8).fold(0, |sum, word| sum ^ u64::from_le_bytes(word.try_into().unwrap()));
            assert_eq!(load(at), expected, "{name}");
            store(target.add(pages), at);
            assert_eq!(std::slice::from_raw_parts(target.add(pages), bytes), &words[..bytes], "{name}");
            expect_spatial(name, || load(at.add(1)));
            expect_spatial(name, || store(target.add(pages + 1), at));
            dealloc(source, source_layout);
            dealloc(target, target_layout);
        }
    }
}

macro_rules! atomics {
    ($($type:ty: $add:ident $nand:ident $exchange:ident $compare:ident $twice:ident),*) => {
        unsafe extern "C" { $(
            fn $add(p: *mut $type, v: $type) -> $type; fn $nand(p: *mut $type, v: $type) -> $type;
            fn $exchange(p: *mut $type, v: $type) -> $type; fn $twice(p: *mut $type) -> $type;
            fn $compare(p: *mut $type, old: $type, new: $type) -> c_int;
        )* }
        fn atomics() { $(
            let mut boxed: Box<$type> = Box::new(250);
            let mut pages: Vec<$type> = vec![250; 8192];
            let (alone, among) = (&raw mut *boxed, pages.as_mut_ptr());
            for (p, behind) in [(alone, alone.wrapping_add(1)), (among, among.wrapping_add(8192))] {
                // SAFETY: p is live and C stays inside.
                unsafe {
                    assert_eq!($add(p, 10), 250);
                    let v = (250 as $type).wrapping_add(10);
                    assert_eq!($nand(p, 0x5a), v);
                    assert_eq!($exchange(p, 3), !(v & 0x5a));
                    assert_eq!($compare(p, 4, 9), 0);
                    assert_eq!($compare(p, 3, 9), 1);
                    assert_eq!($twice(p), 9);
                    assert_eq!(*p, 18);
                    expect_spatial("atomic", || $add(behind, 1));
                }
            }
        )* }
    };
}
atomics!(u8: fetch_add_8 fetch_nand_8 exchange_8 compare_8 atomic_twice_8,
         u16: fetch_add_16 fetch_nand_16 exchange_16 compare_16 atomic_twice_16,
         u32: fetch_add_32 fetch_nand_32 exchange_32 compare_32 atomic_twice_32,
         u64: fetch_add_64 fetch_nand_64 exchange_64 compare_64 atomic_twice_64);

fn blocks() {
    for bytes in [1usize, 40, 41, 5000] {
        let mut v: Vec<u8> = (0..bytes).map(|i| i as u8).collect();
        let mut w = vec![0u8; bytes];
        let (p, q) = (v.as_mut_ptr(), w.as_mut_ptr());
        // SAFETY: C stays inside or is stopped.
        unsafe {
            assert_eq!(hash(p, bytes), v.iter().fold(0u64, |s, &b| s.wrapping_mul(31).wrapping_add(b.into())));
            copy(q, p, bytes);
            assert_eq!(v, w);
            slide(p.add(1), p, bytes - 1);
            assert_eq!(v[1..], w[..bytes - 1]);
            fill(p, 0x107, bytes);
            assert!(v.iter().all(|&b| b == 7));
            copy(q, p, 0);
            expect_spatial("memset", || fill(p, 1, bytes + 1));
            expect_spatial("memcpy to", || copy(q, p, bytes + 1));
            expect_spatial("memmove from", || slide(q, p.add(1), bytes));
            if bytes >= 40 {
                copy_own(q);
                assert!(w[..40].iter().all(|&b| b == b'x'));
            } else {
                expect_spatial("memcpy of a constant length", || copy_own(q));
            }
        }
    }
    let mut numbers: Vec<c_int> = (0..3000).collect();
    let mut few: Vec<c_int> = (0..13).collect();
    // SAFETY: C stays inside or is stopped.
    unsafe {
        add_one(numbers.as_mut_ptr(), 3000);
        add_one(few.as_mut_ptr(), 13);
        assert!(numbers.iter().chain(&few).enumerate().all(|(i, &n)| n == (i % 3000) as c_int + 1));
        expect_spatial("loop", || add_one(few.as_mut_ptr(), 14));
        expect_spatial("loop", || add_one(numbers.as_mut_ptr(), 3001));
        let mut counter = Box::new(41);
        assert_eq!(volatile_add(&mut *counter), 42);
    }
}

fn node(value: c_int) -> Box<Node> {
    Box::new(Node { next: std::ptr::null_mut(), value, call: None })
}

unsafe extern "C" fn called(n: *mut Node, so_far: c_int) -> c_int {
    // SAFETY: the callback gate turned n back.
    unsafe { (*n).value += so_far };
    String::from("allocates").len() as c_int
}

unsafe extern "C" fn pass_on(n: *mut Node, factor: c_double, l: Large) -> *mut Node {
    assert_eq!((factor, l.numbers[2]), (2.5, 3));
    assert_eq!(l.node, n);
    // SAFETY: turned back, in the argument and in the structure.
    unsafe { (*n).next }
}

fn membrane() {
    let (mut a, mut b, mut c) = (node(1), node(20), node(300));
    let (pa, pb, pc) = (&raw mut *a, &raw mut *b, &raw mut *c);
    // SAFETY: the three live to the end of this function.
    unsafe {
        join(pa, pb);
        assert_eq!((*pa).next, pb);
        join(pb, pc);
        assert_eq!(sum(pa), 321);
        assert_eq!(last(pa), pc);
        (*pb).call = Some(called);
        assert_eq!(sum(pa), 330);
        assert_eq!((*pb).value, 41);
        assert_eq!(through(pass_on, pa), pc);
        keep(pa);
        assert_eq!(use_kept(), 1);
        // On the host's stack, too.
        let mut pair = Pair { first: pa.cast(), second: pb.cast() };
        swap(&mut pair);
        assert_eq!((pair.first, pair.second), (pb.cast(), pa.cast()));
        let mut pair = Box::new(Pair { first: pa.cast(), second: pb.cast() });
        swap(&mut *pair);
        assert_eq!((pair.first, pair.second), (pb.cast(), pa.cast()));
        set_both(&mut *pair, pc.cast());
        assert_eq!((pair.first, pair.second), (pc.cast(), pc.cast()));
        assert_eq!(exchange_pointer(&mut pair.first, pa.cast()), pc.cast());
        assert_eq!(pair.first, pa.cast());
        assert_eq!(compare_pointer(&mut pair.first, pb.cast(), pc.cast()), 0);
        assert_eq!(compare_pointer(&mut pair.first, pa.cast(), pc.cast()), 1);
        assert_eq!(pair.first, pc.cast());
    }
    drop(a);
    // SAFETY: C uses what has died, and is stopped.
    let stopped = catch(|| unsafe { use_kept() }).expect_err("use after free went unnoticed");
    assert_eq!(stopped.kind, Kind::Temporal);
}

unsafe extern "C" fn add_three(n: c_int, a: *mut c_int, b: *mut c_int, c: *mut c_int) -> c_int {
    // SAFETY: turned back.
    unsafe { n * 1000 + *a + *b + *c }
}

unsafe extern "C" fn make_big(given: Big) -> Big {
    assert_eq!((given.p, given.d), (given.q, 1.0));
    Big { p: given.p.wrapping_add(1), n: given.n + 1, ..given }
}

fn passing() {
    let mut n = node(9);
    let mut numbers = Box::new([4, 50, 600]);
    // SAFETY: all of them live while C runs.
    unsafe {
        let mut large = by_value(Large { numbers: [1; 10], node: &mut *n });
        assert_eq!((large.numbers[3], large.numbers[9]), (9, 1));
        large.node = std::ptr::null_mut();
        let text = std::ffi::CString::new("text").unwrap().into_raw();
        let slice = rest(Slice { start: text, length: 4 });
        assert_eq!((slice.start, slice.length), (text.add(1), 3));
        drop(std::ffi::CString::from_raw(text));
        let p = numbers.as_mut_ptr();
        assert_eq!(many(1, 2, 3, 4, 5, 6, 7, p, -1), 31);
        assert_eq!(by_dots(p), 654);
        assert_eq!(through_big(make_big, p, 6), 5011);
        assert_eq!(with_own_dots(p), 654);
        assert_eq!(with_dots(add_three, p), 3654);
        assert_eq!([0, 1, 2, 3].map(|which| pick(which, p)), [4, 3, 7, 5]);
        assert_eq!(get_compare()(p.add(1).cast(), p.cast()), 46);
        assert_eq!(was_started(), 1);
    }
}

fn main() {
    galeed::set_policy(Policy::Unwind).expect("the runtime starts");
    for (name, check) in [
        ("exact sizes", exact_sizes as fn()),
        ("atomics", atomics),
        ("blocks", blocks),
        ("membrane", membrane),
        ("passing", passing),
    ] {
        println!("{name}");
        check();
    }
    println!("all forms as they should be");
}
