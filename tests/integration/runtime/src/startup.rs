//! Row: start-up. What runs before `main`, and what std's own start leaves behind.

use crate::foreign::*;
use std::ffi::{CString, c_char};
use std::sync::Mutex;

/// What the constructors below leave behind.
static EARLY: Mutex<Option<(Vec<u8>, Option<i64>)>> = Mutex::new(None);

#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = before_main;

/// Before `lang_start`: allocates, and calls rewritten C when ROWS_EARLY asks for it.
extern "C" fn before_main() {
    let bytes = vec![2u8; 1000];
    let called = std::env::var_os("ROWS_EARLY").map(|_| {
        // SAFETY: takes what it is given.
        unsafe { f_sum(bytes.as_ptr(), bytes.len()) }
    });
    *EARLY.lock().expect("nobody panicked") = Some((bytes, called));
}

pub fn early() {
    let held = EARLY.lock().expect("nobody panicked");
    let (bytes, called) = held.as_ref().expect("the constructor ran");
    assert!(is_in_domain(&bytes[..]));
    // SAFETY: takes what it is given.
    let now = unsafe { f_sum(bytes.as_ptr(), bytes.len()) };
    // SAFETY: takes nothing.
    println!("{now} {called:?} {}", unsafe { f_born() });
    assert_sound("after what ran before main");
}

/// std's own state: made before `main`, inside the domain.
pub fn own() {
    let me = std::thread::current();
    assert_eq!(me.name(), Some("main"));
    assert!(is_in_domain(
        std::env::args().next().expect("a name").as_str()
    ));
    // SAFETY: asks the kernel only.
    let closed = (0..3).filter(|&file| unsafe { fcntl(file, 1) } < 0).count();
    assert_eq!(closed, 0, "std opens what was closed of the standard files");
    let mut bytes = vec![0u8; 64];
    // SAFETY: takes what it is given.
    unsafe { f_fill(bytes.as_mut_ptr(), 64, 9) };
    println!(
        "{} {}",
        bytes.iter().map(|&b| u32::from(b)).sum::<u32>(),
        std::io::read_to_string(std::io::stdin())
            .expect("stdin is there")
            .len()
    );
}

unsafe extern "C" {
    fn fcntl(file: i32, command: i32, ...) -> i32;
}

/// Arguments and environment, in std and, passed on, in C.
pub fn arguments() {
    let list: Vec<CString> = std::env::args()
        .map(|word| CString::new(word).expect("no NUL"))
        .collect();
    let mut pointers: Vec<*const c_char> = list.iter().map(|word| word.as_ptr()).collect();
    pointers.push(std::ptr::null());
    let mut out = vec![0u8; 4096];
    // SAFETY: takes what it is given.
    let used = unsafe {
        f_args(
            list.len() as i32,
            pointers.as_ptr(),
            out.as_mut_ptr(),
            out.len(),
        )
    };
    let said = String::from_utf8_lossy(&out[..usize::try_from(used).expect("room")]).into_owned();
    let wanted: String = std::env::args().map(|word| word + "\n").collect();
    assert_eq!(said, wanted);
    for name in ["ROWS_GIVEN", "ROWS_SET"] {
        if name == "ROWS_SET" {
            // SAFETY: there is one thread.
            unsafe { std::env::set_var(name, "by Rust") };
        }
        let name = CString::new(name).expect("no NUL");
        // SAFETY: takes what it is given.
        let used = unsafe { f_env(name.as_ptr(), out.as_mut_ptr(), out.len()) };
        println!(
            "{}",
            String::from_utf8_lossy(&out[..usize::try_from(used).expect("it is there")])
        );
    }
    print!("{}", said.split_once('\n').expect("a name").1);
    assert_sound("after arguments");
}
