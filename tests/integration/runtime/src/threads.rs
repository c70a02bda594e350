//! Row: threads and channels. Each thread's rights at its start, and lent memory that moves between them.

use crate::foreign::*;
use galeed_mpk::ffi as sys;
use std::cell::RefCell;
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;

/// Whether the thread is foreign, and its rights on the host domain.
fn rights() -> (i32, i32) {
    let mut error = 0;
    // SAFETY: asks only.
    unsafe {
        (
            sys::mpk_gate_is_foreign(),
            sys::mpk_domain_rights(sys::mpk_host(&raw mut error)),
        )
    }
}

const HOST: (i32, i32) = (0, sys::MPK_READ_WRITE);

fn filled(bytes: usize, value: u8) -> Vec<u8> {
    let mut made = vec![0u8; bytes];
    // SAFETY: takes what it is given.
    unsafe { f_fill(made.as_mut_ptr(), bytes, value.into()) };
    made
}

fn sum(bytes: &[u8]) -> i64 {
    // SAFETY: takes what it is given.
    unsafe { f_sum(bytes.as_ptr(), bytes.len()) }
}

/// Plain and scoped threads, which call C on their own memory and on the same.
pub fn threads() {
    let shared = Arc::new(filled(5000, 2));
    let small = filled(100, 3);
    let run = |own: u8| {
        let shared = Arc::clone(&shared);
        move || {
            assert_eq!(rights(), HOST);
            for _ in 0..50 {
                assert_eq!(sum(&shared), 10000);
                let mine = filled(60 + usize::from(own), own);
                assert_eq!(sum(&mine), (60 + i64::from(own)) * i64::from(own));
            }
            assert_sound("at a thread's end");
        }
    };
    run(0)();
    thread::spawn(run(1)).join().expect("it ends well");
    let before = leases();
    let spawned: Vec<_> = (0..4).map(|own| thread::spawn(run(own))).collect();
    spawned
        .into_iter()
        .for_each(|each| each.join().expect("it ends well"));
    assert_eq!(leases(), before, "leases");
    let mut parts = filled(8192, 1);
    thread::scope(|scope| {
        for (number, part) in parts.chunks_mut(2048).enumerate() {
            let small = &small;
            scope.spawn(move || {
                assert_eq!(rights(), HOST);
                // SAFETY: takes what it is given.
                unsafe { f_fill(part.as_mut_ptr(), part.len(), number as i32) };
                assert_eq!(sum(small), 300);
            });
        }
    });
    println!("{}", sum(&parts));
}

unsafe extern "C" fn spawns(seen: *mut c_void) {
    // SAFETY: `under_c` passes a Vec.
    let seen = unsafe { &mut *seen.cast::<Vec<(i32, i32)>>() };
    seen.push(rights());
    seen.push(thread::spawn(rights).join().expect("it asks only"));
    thread::scope(|scope| seen.push(scope.spawn(rights).join().expect("it asks only")));
}

/// Threads that a callback makes, under C's frames: the host's, as all that a callback does.
pub fn under_c() {
    let mut seen: Vec<(i32, i32)> = Vec::new();
    // SAFETY: takes this argument.
    unsafe { f_calls(spawns, (&raw mut seen).cast()) };
    println!("{}", seen.iter().filter(|&&each| each == HOST).count());
    assert_sound("after threads of a callback");
}

// ---- Threads that C starts

thread_local! {
    static KEPT: RefCell<Kept> = const { RefCell::new(Kept { bytes: Vec::new() }) };
}
static DROPPED: AtomicUsize = AtomicUsize::new(0);

/// When its thread ends, C gets the memory once more, then it is freed.
struct Kept {
    bytes: Vec<u8>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        assert_eq!(rights(), HOST);
        assert_eq!(sum(&self.bytes), 7 * self.bytes.len() as i64);
        self.bytes.push(1);
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

fn keep() {
    KEPT.with_borrow_mut(|kept| {
        kept.bytes = filled(300, 7);
        // SAFETY: C may use it until it is freed.
        unsafe { f_keep(kept.bytes.as_mut_ptr()) };
    });
}

/// A thread-local's destructor calls C and frees memory that C still knows.
pub fn locals() {
    galeed::set_policy(galeed::Policy::Unwind).expect("the policy can be set");
    thread::spawn(keep).join().expect("it ends well");
    let before = leases();
    for _ in 0..20 {
        thread::spawn(keep).join().expect("it ends well");
    }
    assert_eq!(leases(), before, "leases");
    // SAFETY: none: C uses what was freed.
    let stale = galeed::catch(|| unsafe { f_use_kept() });
    println!(
        "{} {:?}",
        DROPPED.load(Ordering::Relaxed),
        stale.expect_err("stopped").kind
    );
    assert_sound("after thread-locals");
}

unsafe extern "C" fn called_back(seen: *mut c_void) {
    // SAFETY: `started_by_c` passes a Vec.
    let seen = unsafe { &mut *seen.cast::<Vec<(i32, i32)>>() };
    seen.push(rights());
    assert_eq!(sum(&filled(100, 2)), 200);
    seen.push(thread::spawn(rights).join().expect("it asks only"));
}

unsafe extern "C" fn first(argument: *mut c_void) -> *mut c_void {
    // SAFETY: as above.
    unsafe { called_back(argument) };
    argument
}

/// Foreign at the start, the host in its callbacks, foreign behind them. Or refused.
pub fn started_by_c() {
    let mut seen: Vec<(i32, i32)> = Vec::new();
    let argument = (&raw mut seen).cast();
    for _ in 0..3 {
        // SAFETY: take this argument.
        let (by_c, by_rust) = unsafe {
            (
                f_thread(Some(called_back), argument),
                f_thread_of(first, argument),
            )
        };
        println!("{by_c} {by_rust}");
        assert_sound("after a thread of C");
    }
    println!("{} {}", seen.len(), seen.iter().all(|&each| each == HOST));
}

unsafe extern "C" fn keeps(_: *mut c_void) {
    keep();
    assert_eq!(thread::current().name(), None);
}

/// A thread of C whose callback makes thread-locals with destructors.
pub fn locals_of_c() {
    for round in 0..3 {
        // SAFETY: takes no argument.
        let ended = unsafe { f_thread(Some(keeps), std::ptr::null_mut()) };
        println!("{ended} {} {}", DROPPED.load(Ordering::Relaxed), round + 1);
    }
    assert_sound("after thread-locals of C's threads");
}

/// C's thread tries an address that it was never lent, or there is no such thread.
pub fn peeks() {
    let bytes = Box::new([1u8; 100]);
    // SAFETY: none: see above.
    println!("{}", unsafe {
        f_thread_peeks(bytes.as_ptr().expose_provenance())
    });
}

// ---- Channels

const MESSAGES: usize = 200;

fn sends(send: impl Fn(Vec<u8>)) {
    for number in 0..MESSAGES {
        send(filled(
            if number % 2 == 0 { 64 } else { 5000 },
            number as u8,
        ));
    }
}

fn receives(receiver: mpsc::Receiver<Vec<u8>>) -> usize {
    let mut count = 0;
    for (number, bytes) in receiver.iter().enumerate() {
        assert!(bytes.len() == 64 || bytes.len() == 5000);
        assert_eq!(sum(&bytes), bytes.len() as i64 * i64::from(number as u8));
        count += 1;
    }
    count
}

/// Buffers that C filled cross a channel and are read by C on the other side.
fn channel(bound: Option<usize>) -> usize {
    let (receiver, producer) = match bound {
        None => {
            let (sender, receiver) = mpsc::channel();
            (
                receiver,
                thread::spawn(move || {
                    sends(|bytes| sender.send(bytes).expect("somebody receives"))
                }),
            )
        }
        Some(bound) => {
            let (sender, receiver) = mpsc::sync_channel(bound);
            (
                receiver,
                thread::spawn(move || {
                    sends(|bytes| sender.send(bytes).expect("somebody receives"))
                }),
            )
        }
    };
    let count = thread::spawn(move || receives(receiver))
        .join()
        .expect("it ends well");
    producer.join().expect("it ends well");
    count
}

pub fn channels() {
    assert_sound("before");
    channel(None);
    let before = leases();
    println!(
        "{} {} {}",
        channel(None),
        channel(Some(0)),
        channel(Some(3))
    );
    assert_eq!(leases(), before, "leases");
    assert_sound("after channels");
}

struct Turn {
    parked: thread::Thread,
    go: AtomicBool,
}

unsafe extern "C" fn wakes(turn: *mut c_void) {
    // SAFETY: `parking` passes a Turn.
    let turn = unsafe { &*turn.cast::<Turn>() };
    turn.go.store(true, Ordering::Release);
    turn.parked.unpark();
}

unsafe extern "C" fn waits(pair: *mut c_void) {
    // SAFETY: `parking` passes such a pair. It waits under C's frames, for a thread that calls C.
    let (ready, changed) = unsafe { &*pair.cast::<(Mutex<bool>, Condvar)>() };
    let held = ready.lock().expect("nobody panicked");
    drop(
        changed
            .wait_while(held, |ready| !*ready)
            .expect("nobody panicked"),
    );
    thread::park_timeout(std::time::Duration::from_millis(5));
}

/// Woken out of a callback; and waiting inside one while another thread calls C.
pub fn parking() {
    let pair = Arc::new((Mutex::new(false), Condvar::new()));
    for _ in 0..20 {
        let turn = Turn {
            parked: thread::current(),
            go: AtomicBool::new(false),
        };
        thread::scope(|scope| {
            // SAFETY: takes this argument.
            scope.spawn(|| unsafe { f_calls(wakes, (&raw const turn).cast_mut().cast()) });
            while !turn.go.load(Ordering::Acquire) {
                thread::park();
            }
        });
        *pair.0.lock().expect("nobody panicked") = false;
        let other = Arc::clone(&pair);
        let waiting = thread::spawn(move || {
            // SAFETY: takes this argument.
            unsafe { f_calls(waits, Arc::as_ptr(&other).cast_mut().cast()) };
        });
        assert_eq!(sum(&filled(100, 1)), 100);
        *pair.0.lock().expect("nobody panicked") = true;
        pair.1.notify_all();
        waiting.join().expect("it ends well");
    }
    println!("20");
    assert_sound("after parking");
}
