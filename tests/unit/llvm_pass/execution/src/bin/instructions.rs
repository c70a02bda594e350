//! The host of instructions.h's forms: each runs on raw memory, on leases of both kinds, one byte
//! too far, and after the memory has died; the build that was not rewritten says what is right.
//!
//! With a form's name as argument it runs that form alone, on a private lease, which must not return.
use galeed::{Kind, Policy, catch};
use std::alloc::{Layout, alloc, dealloc};
use std::ffi::{CStr, c_char, c_void};

#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;

type Run = unsafe extern "C" fn(*mut c_void, *mut c_void);
const CHECKED: u32 = 0;
const ATOMIC: u32 = 1;
const PINNED: u32 = 2;
const TRAPS: u32 = 3;
const PAGES: usize = 2 * 4096;

#[repr(C)]
#[derive(Clone, Copy)]
struct Form {
    name: *const c_char,
    run: Option<Run>,
    bytes: usize,
    kind: u32,
}

unsafe extern "C" {
    static form_list: Form;
    static plain_list: Form;
    fn swap_lanes(p: *mut *mut i32, out: *mut i32);
    fn form_follow_copy(p: *const Linked) -> i32;
    fn form_follow_assigned(to: *mut Linked, from: *const Linked) -> i32;
    fn keep_it(p: *mut c_void);
    fn run_kept(run: Run, out: *mut c_void);
    fn aligned_alloc(align: usize, bytes: usize) -> *mut u8;
    fn free(p: *mut u8);
}

#[repr(C)]
struct Linked {
    numbers: [i64; 4],
    far: *mut i32,
}

type Out = [u64; 8];

fn rows(list: *const Form) -> Vec<(String, Run, usize, u32)> {
    let mut found = Vec::new();
    // SAFETY: both lists end with a row without a name.
    unsafe {
        let mut at = list;
        while !(*at).name.is_null() {
            let row = *at;
            found.push((CStr::from_ptr(row.name).to_str().unwrap().to_owned(), row.run.unwrap(), row.bytes, row.kind));
            at = at.add(1);
        }
    }
    found
}

fn pattern(p: *mut u8, bytes: usize) {
    for i in 0..bytes {
        // SAFETY: the caller's memory has that many bytes.
        unsafe { p.add(i).write((i as u8).wrapping_mul(3) ^ 0x15) };
    }
}

/// What `run` makes of a pattern in memory of C's own.
fn on_raw_memory(run: Run, bytes: usize) -> (Vec<u8>, Out) {
    let mut out: Out = [0; 8];
    // SAFETY: the memory is C's, and large enough.
    unsafe {
        let p = aligned_alloc(64, bytes.next_multiple_of(64));
        pattern(p, bytes);
        run(p.cast(), out.as_mut_ptr().cast());
        let after = std::slice::from_raw_parts(p, bytes).to_vec();
        free(p);
        (after, out)
    }
}

/// Runs a form on leased memory: `pages` in front of it make the lease a mapped one.
fn leased(name: &str, run: Run, bytes: usize, pages: usize, too_far: usize, right: &(Vec<u8>, Out)) {
    let layout = Layout::from_size_align(bytes + pages, 64).unwrap();
    // SAFETY: C stays inside, or is stopped; nothing uses the memory after its end.
    unsafe {
        let base = alloc(layout);
        // At the very end: what goes one byte too far leaves the allocation.
        let at = base.add(pages);
        let mut out: Out = [0; 8];
        pattern(at, bytes);
        run(at.cast(), out.as_mut_ptr().cast());
        assert_eq!(std::slice::from_raw_parts(at, bytes), &right.0[..], "{name}: memory");
        assert_eq!(out, right.1, "{name}: results");
        if name != "masked_none" {
            match catch(|| run(at.wrapping_add(too_far).cast(), out.as_mut_ptr().cast())) {
                Ok(()) => panic!("{name}: one byte too many went unnoticed"),
                Err(violation) => assert_eq!(violation.kind, Kind::Spatial, "{name}: {violation:?}"),
            }
        }
        keep_it(at.cast());
        dealloc(base, layout);
        if name != "masked_none" {
            match catch(|| run_kept(run, out.as_mut_ptr().cast())) {
                Ok(()) => panic!("{name}: use after free went unnoticed"),
                Err(violation) => assert_eq!(violation.kind, Kind::Temporal, "{name}: {violation:?}"),
            }
        }
    }
}

/// Runs a pinned form on a mapped lease.
fn mapped(name: &str, run: Run, bytes: usize, right: &(Vec<u8>, Out)) {
    let mut memory = vec![0u8; bytes + PAGES];
    let at = memory.as_mut_ptr().wrapping_add(64); // aligned for any of them
    pattern(at, bytes);
    let mut out: Out = [0; 8];
    // SAFETY: C stays inside.
    unsafe { run(at.cast(), out.as_mut_ptr().cast()) };
    assert_eq!(memory[64..64 + bytes], right.0[..], "{name}: memory");
    assert_eq!(out, right.1, "{name}: results");
}

/// Pointers that lie in lent memory cross the membrane, in vectors and in copies made for a call.
fn pointers_inside() {
    let (mut one, mut two) = (Box::new(50), Box::new(8));
    let (a, b): (*mut i32, *mut i32) = (&raw mut *one, &raw mut *two);
    let mut three = Box::new([a, std::ptr::null_mut(), b]);
    let mut difference = 0;
    let linked = Box::new(Linked { numbers: [0, 0, 0, 4], far: b });
    // SAFETY: all of them live; C stays inside.
    unsafe {
        swap_lanes(three.as_mut_ptr(), &raw mut difference);
        assert_eq!((difference, three[0], three[1], three[2]), (42, b, std::ptr::null_mut(), a));
        assert_eq!(form_follow_copy(&raw const *linked), 12);
        if std::env::var_os("ASSIGNED").is_some() {
            let mut many = Box::new([7, 9]);
            let linked = Box::new(Linked { numbers: [1, 2, 3, 4], far: many.as_mut_ptr() });
            let mut copy = Box::new(Linked { numbers: [0; 4], far: std::ptr::null_mut() });
            assert_eq!(form_follow_assigned(&raw mut *copy, &raw const *linked), 9);
            assert_eq!((copy.numbers, copy.far), ([1, 2, 3, 4], many.as_mut_ptr().add(1)));
        }
    }
}

fn private(run: Run, bytes: usize) {
    // SAFETY: bytes is not 0.
    let p = unsafe { alloc(Layout::from_size_align(bytes, 64).unwrap()) };
    pattern(p, bytes);
    let mut out: Out = [0; 8];
    // SAFETY: C stays inside or is stopped.
    unsafe { run(p.cast(), out.as_mut_ptr().cast()) };
}

fn main() {
    let (forms, plain) = (rows(&raw const form_list), rows(&raw const plain_list));
    if let Some(alone) = std::env::args().nth(1) {
        let (_, run, bytes, _) = forms.iter().find(|form| form.0 == alone).expect("a form's name");
        private(*run, *bytes);
        println!("{alone} went through");
        return;
    }
    galeed::set_policy(Policy::Unwind).expect("the runtime starts");
    pointers_inside();
    for ((name, run, bytes, kind), (_, oracle, ..)) in forms.iter().zip(&plain) {
        println!("{name}");
        if *kind == TRAPS {
            continue; // alone
        }
        let right = on_raw_memory(*oracle, *bytes);
        assert_eq!(on_raw_memory(*run, *bytes), right, "{name}: rewritten, raw memory");
        match *kind {
            CHECKED | ATOMIC => {
                let too_far = if *kind == ATOMIC { 8.min(*bytes) } else { 1 };
                leased(name, *run, *bytes, 0, too_far, &right);
                leased(name, *run, *bytes, PAGES, too_far, &right);
            }
            PINNED => mapped(name, *run, *bytes, &right),
            other => panic!("{name}: no such kind: {other}"),
        }
    }
    println!("all {} forms as they should be", forms.len());
}
