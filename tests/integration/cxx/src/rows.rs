//! Start-up, platform and threads with C++ on the foreign side: rows.cpp.

use std::ffi::{c_int, c_long, c_void};
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicI64, AtomicPtr, Ordering};
use std::thread;

type Callback = unsafe extern "C-unwind" fn(*mut c_void) -> c_long;

unsafe extern "C" {
    fn will_end(kept: *mut c_long) -> c_long;
    fn ends(how: c_int);
    fn installs_handler() -> c_int;
    fn raises_amid_exception(log: *mut c_long) -> c_long;
    fn times_handled() -> c_long;
    fn throws_until(log: *mut c_long, count: *const c_long, wanted: c_long) -> c_long;
    fn keeps_until_end(value: *const c_long) -> c_long;
    fn keeps_stale(value: *mut c_long);
    fn ends_of_threads(which: c_int) -> c_long;
    fn starts_task(call: Callback, argument: *mut c_void, log: *mut c_long, how: c_int) -> c_long;
    fn takes_turns(call: Callback, argument: *mut c_void, rounds: c_long) -> c_long;
    fn under_its_mutex(counter: *mut c_long, rounds: c_long) -> c_long;
    fn locks_lent(room: *mut c_void) -> c_long;

    // The C library's.
    fn atexit(function: extern "C" fn()) -> c_int;
    fn raise(number: c_int) -> c_int;
    fn signal(number: c_int, handler: extern "C" fn(c_int)) -> usize;
    fn setitimer(which: c_int, new: *const [c_long; 4], old: *mut [c_long; 4]) -> c_int;
}

const SIGUSR1: c_int = 10;
const SIGALRM: c_int = 14;

// ---- Start-up and end

#[galeed::export]
fn rust_makes(value: c_long) -> *mut c_long {
    Box::into_raw(Box::new(value))
}

#[galeed::export]
unsafe fn rust_takes(made: *mut c_long) -> c_long {
    // SAFETY: C++ gives back what `rust_makes` made, or a Box that it was given.
    *unsafe { Box::from_raw(made) }
}

#[galeed::export]
fn rust_squares(value: c_long) -> c_long {
    let many = vec![value; usize::try_from(value).expect("not negative")];
    many.iter().sum()
}

thread_local! {
    static SAYS: std::cell::RefCell<Says> = const { std::cell::RefCell::new(Says(Vec::new())) };
}
struct Says(Vec<u8>);
impl Drop for Says {
    fn drop(&mut self) {
        self.0.push(1);
        println!("thread-local of Rust {}", self.0.len());
    }
}

extern "C" fn at_exit() {
    println!("at exit of Rust {}", vec![1; 20].len());
}

/// 0: main returns. 1: C++ calls std::exit. 2: std::quick_exit. 3: Rust ends. 4: a destructor uses what Rust freed.
pub fn exits(how: c_int) -> c_long {
    let mut kept = Box::new(4 as c_long);
    let kept = if how == 4 {
        &raw mut *kept
    } else {
        std::ptr::null_mut()
    };
    SAYS.with_borrow_mut(|says| says.0.push(1));
    // SAFETY: takes what it is given; `at_exit` is a function.
    unsafe {
        assert_eq!(atexit(at_exit), 0);
        println!("{}", will_end(kept));
        ends(how);
    }
    if how == 3 {
        std::process::exit(6);
    }
    0
}

// ---- Platform

static COUNT: AtomicI64 = AtomicI64::new(0);
static PAGE: AtomicPtr<Vec<c_long>> = AtomicPtr::new(std::ptr::null_mut());

/// A handler of C++'s that throws and catches, on top of C++ and of the host.
pub fn handler() -> c_long {
    let mut log = Box::new(0 as c_long);
    // SAFETY: takes what it is given; a handler is there.
    unsafe {
        assert_eq!(installs_handler(), 0);
        println!("{}", raises_amid_exception(&raw mut *log));
        raise(SIGUSR1);
        println!("{}", times_handled());
    }
    *log
}

extern "C" fn counts(_: c_int) {
    COUNT.fetch_add(1, Ordering::Relaxed);
}

/// A timer of the host's while C++ throws and catches, at any instruction of the unwinder's too.
pub fn interrupts() -> c_long {
    let mut log = Box::new(0 as c_long);
    let (each, none) = ([0, 1500, 0, 1500], [0; 4]); // microseconds
    // SAFETY: the handler does what handlers may; C++ takes what it is given.
    let wrong = unsafe {
        signal(SIGALRM, counts);
        assert_eq!(setitimer(0, &raw const each, std::ptr::null_mut()), 0);
        let wrong = throws_until(&raw mut *log, COUNT.as_ptr(), 40);
        assert_eq!(setitimer(0, &raw const none, std::ptr::null_mut()), 0);
        wrong
    };
    assert!(*log > 0);
    wrong
}

/// Reads the heap, and calls C++ that throws.
extern "C" fn calls_what_throws(_: c_int) {
    galeed::on_signal(|| {
        // SAFETY: leaked.
        let numbers = unsafe { &*PAGE.load(Ordering::Relaxed) };
        // SAFETY: takes what it is given.
        let got = catch_unwind(|| unsafe { super::may_throw(numbers.as_ptr(), numbers.len(), 2) });
        COUNT.fetch_add(got.is_err().into(), Ordering::Relaxed);
    });
}

/// A handler of Rust's amid an exception that C++ is handling: what C++ throws to it does not mix with that.
pub fn throws_in_handler() -> c_long {
    std::panic::set_hook(Box::new(|_| {}));
    PAGE.store(Box::leak(Box::new(vec![3, 4])), Ordering::Relaxed);
    let mut log = Box::new(0 as c_long);
    // SAFETY: the handler is called amid `raise`; C++ takes what it is given.
    unsafe {
        signal(SIGUSR1, calls_what_throws);
        println!("{}", raises_amid_exception(&raw mut *log));
    }
    *log * 10 + COUNT.load(Ordering::Relaxed)
}

// ---- Threads

/// What C++ keeps for a thread goes when the thread of Rust's ends.
pub fn thread_ends(stale: bool) -> c_long {
    for round in 0..3 {
        let ended = thread::spawn(move || {
            let mut value = Box::new(10 + round);
            // SAFETY: take what they are given; the second keeps what is freed here.
            unsafe {
                if stale {
                    keeps_stale(&raw mut *value);
                    0
                } else {
                    keeps_until_end(&raw const *value)
                }
            }
        });
        assert_eq!(ended.join().expect("it ends well"), 10 + round);
    }
    // SAFETY: ask only.
    let [count, foreign, saw] = [0, 1, 2].map(|which| unsafe { ends_of_threads(which) });
    println!("{count} {foreign} {saw}");
    0
}

unsafe extern "C-unwind" fn squares(argument: *mut c_void) -> c_long {
    // SAFETY: a Vec, below.
    let numbers = unsafe { &*argument.cast::<Vec<c_long>>() };
    let square = Box::new(numbers[0] * numbers[0]);
    if *square == 0 { -1 } else { *square }
}

/// std::async, deferred and with a thread of its own; the second time it throws.
pub fn task(how: c_int) -> c_long {
    let mut log = Box::new(7 as c_long);
    for number in [3, 0] {
        let mut numbers = vec![number as c_long];
        // SAFETY: `squares` takes this argument.
        let got = unsafe { starts_task(squares, (&raw mut numbers).cast(), &raw mut *log, how) };
        println!("{got}");
    }
    0
}

pub fn turns() -> c_long {
    let mut numbers = vec![2 as c_long];
    // SAFETY: `squares` takes this argument.
    unsafe { takes_turns(squares, (&raw mut numbers).cast(), 20) }
}

/// Threads of Rust's at a mutex of the library's.
pub fn its_mutex() -> c_long {
    let count = || {
        let mut counter = Box::new(0 as c_long);
        // SAFETY: takes what it is given.
        unsafe { under_its_mutex(&raw mut *counter, 500) };
        *counter
    };
    let sum: c_long = thread::scope(|scope| {
        let all = [(); 3].map(|()| scope.spawn(count));
        all.map(|each| each.join().expect("it ends well"))
            .iter()
            .sum()
    });
    // SAFETY: takes what it is given.
    sum * 10000 + unsafe { under_its_mutex(std::ptr::null_mut(), 0) }
}

pub fn lent_mutex() -> c_long {
    let mut room = vec![0u64; 8];
    // SAFETY: there is room for a mutex.
    unsafe { locks_lent(room.as_mut_ptr().cast()) }
}
