//! A library that the system's compiler made is called with pseudo-pointers, and the profile
//! says which of its instructions used them.
#![allow(clippy::useless_vec)] // heap memory is the point
mod common;
mod common_serve;

use common::{foreign, outward};
use galeed::Kind;
use std::ffi::{CString, c_char, c_int, c_void};
use std::path::Path;
use std::process::Command;

common_serve::on_trap!(c"serve");

const PROFILE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/serve-profile.jsonl\0");

unsafe extern "C" {
    fn setenv(name: *const c_char, value: *const c_char, overwrite: c_int) -> c_int;
    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
}

extern "C" fn ask() {
    // SAFETY: before `main` there is one thread; both are strings.
    unsafe { setenv(c"GALEED_PROFILE".as_ptr(), PROFILE.as_ptr().cast(), 1) };
}

#[used]
#[unsafe(link_section = ".init_array")]
static ASK: extern "C" fn() = ask;

struct Library(*mut c_void);

impl Library {
    /// Compiled once for each set of flags.
    fn compiled(flags: &[&str]) -> Library {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/serve_library/library.c");
        let name = format!("serve{}.so", flags.concat());
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let done = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .arg(&file)
            .args(flags)
            .arg(&source)
            .status();
        assert!(done.expect("cc runs").success(), "cc {flags:?}");
        let file = CString::new(file.as_os_str().as_encoded_bytes()).expect("a path");
        // SAFETY: the library has no initialisers of its own.
        let library = unsafe { dlopen(file.as_ptr(), 2) };
        assert!(!library.is_null());
        Library(library)
    }

    /// Calls a function with numbers and pointers, as foreign code.
    fn call(&self, name: &str, arguments: [u64; 4]) -> u64 {
        let [a, b, c, d] = arguments;
        let function = self.function(name);
        foreign(|| function(a, b, c, d))
    }

    fn function(&self, name: &str) -> extern "C" fn(u64, u64, u64, u64) -> u64 {
        let name = CString::new(name).expect("a name");
        // SAFETY: the library is loaded; its functions take what is in registers.
        unsafe {
            let function = dlsym(self.0, name.as_ptr());
            assert!(!function.is_null());
            std::mem::transmute::<*mut c_void, extern "C" fn(u64, u64, u64, u64) -> u64>(function)
        }
    }
}

#[repr(C)]
struct Node {
    next: *mut Node,
    value: u32,
}

fn works(library: &Library) {
    for count in [0usize, 1, 7, 100, 1100] {
        let numbers: Vec<u32> = (0..count as u32).collect();
        let sum = library.call("sum", [outward(numbers.as_ptr()), count as u64, 0, 0]);
        assert_eq!(sum, numbers.iter().map(|number| u64::from(*number)).sum());
        let mut floats = vec![2f32; count];
        let scale = library.function("scale");
        let handle = outward(floats.as_mut_ptr());
        // SAFETY: the third argument is in a vector register.
        let scale: extern "C" fn(u64, u64, f32) = unsafe { std::mem::transmute(scale) };
        foreign(|| scale(handle, count as u64, 1.5));
        assert!(floats.iter().all(|number| *number == 4.0));
    }
    let mut text = b"stressed desserts and more of it\0".to_vec();
    library.call("reverse", [outward(text.as_mut_ptr()), 0, 0, 0]);
    assert_eq!(text, b"ti fo erom dna stressed desserts\0");
    let mut nodes: Vec<Box<Node>> = (1..4)
        .map(|value| {
            Box::new(Node {
                next: std::ptr::null_mut(),
                value,
            })
        })
        .collect();
    for at in 0..2 {
        nodes[at].next = &raw mut *nodes[at + 1];
    }
    let mut list = Box::new(&raw mut *nodes[0]);
    assert_eq!(library.call("walk", [outward(*list), 0, 0, 0]), 123);
    library.call("swap_first", [outward(&raw mut *list), 0, 0, 0]);
    assert_eq!(*list, &raw mut *nodes[1]);
    assert_eq!(nodes[1].next.cast_const(), &raw const *nodes[0]);
    assert_eq!(library.call("walk", [outward(*list), 0, 0, 0]), 213);
    let mut counter = Box::new(0u32);
    let handle = outward(&raw mut *counter);
    assert_eq!(library.call("count", [handle, 20, 0, 0]) as u32, 60);
    assert_eq!(*counter, 7);
    for bytes in [1usize, 33, 700, 9000] {
        let mut lent: Vec<u8> = (0..bytes).map(|at| at as u8).collect();
        let copy = lent.clone();
        let handle = outward(lent.as_mut_ptr());
        let failed = library.call("through_own_memory", [handle, bytes as u64, 0, 0]);
        assert_eq!((failed, lent), (0, copy));
    }
    let from: Vec<u64> = (0..1000).collect();
    let mut to = vec![0u64; 1000];
    let mut filled = vec![1u64; 5];
    let handles = [outward(to.as_mut_ptr()), outward(from.as_ptr())];
    let filled_handle = outward(filled.as_mut_ptr());
    library.call(
        "move_and_fill",
        [handles[0], handles[1], 1000, filled_handle],
    );
    assert_eq!((to, filled), (from, vec![9, 9, 9, 9, 1]));
}

#[test]
fn a_library_that_nobody_rewrote_works_on_lent_memory() {
    std::fs::write(PROFILE.trim_end_matches('\0'), "").expect("the profile can be emptied");
    for flags in [&["-O0"][..], &["-O2"], &["-O3", "-march=native"], &["-Os"]] {
        works(&Library::compiled(flags));
    }
    let library = Library::compiled(&["-O2"]);
    let numbers = vec![1u32; 10];
    let handle = outward(numbers.as_ptr());
    galeed::set_policy(galeed::Policy::Unwind).unwrap();
    let sum = library.function("sum");
    let found = galeed::catch(|| foreign(|| sum(handle, 11, 0, 0)));
    let found = found.expect_err("not refused");
    assert_eq!(
        (found.kind, found.offset, found.bytes),
        (Kind::Spatial, 40, 4)
    );
    galeed::set_policy(galeed::Policy::Abort).unwrap();
    profile_names_the_functions();
}

/// The lines that were counted until now.
fn profile_names_the_functions() {
    let lines = || {
        galeed::write_profile().expect("the runtime has started");
        std::fs::read_to_string(PROFILE.trim_end_matches('\0')).expect("the profile is there")
    };
    let text = lines();
    assert!(text.lines().count() > 20, "{text}");
    for line in text.lines() {
        let begins = "{\"profile\":1,\"module\":\"";
        assert!(line.starts_with(begins) && line.ends_with('}'), "{line}");
    }
    let says = |function: &str, access: &str, bytes: u32| {
        text.lines().any(|line| {
            line.contains("/serve-O2.so\",\"offset\":\"0x")
                && line.contains(&format!(
                    "\"function\":\"{function}\",\"access\":\"{access}\",\"bytes\":{bytes},"
                ))
                && line.contains("\"trapped\":true,")
        })
    };
    assert!(says("walk", "load", 8) && says("walk", "load", 4), "{text}");
    assert!(says("swap_first", "store", 8), "{text}");
    assert!(says("count", "update", 4), "{text}");
    assert!(says("move_and_fill", "update", 8), "{text}");
    assert_eq!(lines(), text, "nothing was counted since");
}
