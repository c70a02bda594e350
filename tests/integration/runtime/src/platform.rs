//! Row: platform. Stacks, signals, child processes and forks, with foreign frames on the stack or not.

use crate::foreign::*;
use std::ffi::{c_int, c_long, c_void};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicPtr, Ordering};

pub const SIGUSR1: c_int = 10;
const SIGUSR2: c_int = 12;
const SIGPIPE: c_int = 13;
const SA_ONSTACK: c_int = 0x0800_0000;

unsafe extern "C" {
    fn signal(number: c_int, handler: extern "C" fn(c_int)) -> usize;
    fn raise(number: c_int) -> c_int;
    fn fork() -> c_int;
    fn waitpid(process: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn _exit(code: c_int) -> !;
}

// ---- Stacks

#[inline(never)]
fn overflows(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 64]);
    if depth == u64::MAX {
        0
    } else {
        overflows(depth + 1) + frame[3]
    }
}

unsafe extern "C" fn overflows_under_c(_: *mut c_void) {
    println!("{}", overflows(0));
}

fn gate_first() {
    assert_sound("before");
}

/// Rust's own frames, on the first thread, after C was called.
pub fn overflow_main() {
    gate_first();
    println!("{}", overflows(0));
}

pub fn overflow_thread() {
    gate_first();
    let thread = std::thread::Builder::new().name("deep".into()).spawn(|| {
        gate_first();
        println!("{}", overflows(0));
    });
    thread.expect("a thread").join().expect("never");
}

/// Rust's frames above C's.
pub fn overflow_callback() {
    // SAFETY: takes no argument.
    unsafe { f_calls(overflows_under_c, std::ptr::null_mut()) };
}

/// C's own frames.
pub fn overflow_c() {
    // SAFETY: none: it never returns.
    println!("{}", unsafe { f_overflows(0) });
}

pub fn overflow_c_thread() {
    let thread = std::thread::Builder::new()
        .name("deep".into())
        .spawn(overflow_c);
    thread.expect("a thread").join().expect("never");
}

/// C++'s own frames, with destructors that nobody runs.
pub fn overflow_cxx() {
    // SAFETY: none: it never returns.
    println!("{}", unsafe { f_overflows_in_cxx(0) });
}

pub fn overflow_cxx_thread() {
    let thread = std::thread::Builder::new()
        .name("deep".into())
        .spawn(overflow_cxx);
    thread.expect("a thread").join().expect("never");
}

// ---- Signals

static COUNT: AtomicI64 = AtomicI64::new(0);
static PAGE: AtomicPtr<Vec<u8>> = AtomicPtr::new(std::ptr::null_mut());
static WOKEN: AtomicI32 = AtomicI32::new(-1);

/// What a handler may do anywhere: atomics, and a byte into a pipe.
extern "C" fn counts(_: c_int) {
    COUNT.fetch_add(1, Ordering::Relaxed);
    let file = WOKEN.load(Ordering::Relaxed);
    if file >= 0 {
        // SAFETY: an open file, borrowed for the call.
        let mut pipe = std::mem::ManuallyDrop::new(unsafe {
            <std::fs::File as std::os::fd::FromRawFd>::from_raw_fd(file)
        });
        assert!(matches!(pipe.write(b"x"), Ok(1)));
    }
}

/// Reads the heap.
extern "C" fn reads_heap(_: c_int) {
    let at = PAGE.load(Ordering::Relaxed);
    // SAFETY: `at` was leaked.
    COUNT.fetch_add(unsafe { (&*at)[3] }.into(), Ordering::Relaxed);
}

extern "C" fn reads_heap_as_host(number: c_int) {
    galeed::on_signal(|| reads_heap(number));
}

extern "C" fn calls_c(_: c_int) {
    galeed::on_signal(|| {
        let bytes = [1u8; 5];
        // SAFETY: takes what it is given.
        COUNT.fetch_add(unsafe { f_sum(bytes.as_ptr(), 5) }, Ordering::Relaxed);
    });
}

fn handle(number: c_int, handler: extern "C" fn(c_int)) {
    PAGE.store(Box::leak(Box::new(vec![5u8; 10])), Ordering::Relaxed);
    // SAFETY: the handlers do what handlers may.
    unsafe { signal(number, handler) };
}

unsafe extern "C" fn raises(_: *mut c_void) {
    // SAFETY: a handler is there.
    unsafe { raise(SIGUSR1) };
}

/// In the host, in foreign code, and in the host under foreign code.
fn everywhere() -> [i64; 3] {
    let mut counts = [0; 3];
    for (place, slot) in counts.iter_mut().enumerate() {
        let before = COUNT.load(Ordering::Relaxed);
        // SAFETY: a handler is there; `raises` takes no argument.
        unsafe {
            match place {
                0 => _ = raise(SIGUSR1),
                1 => _ = f_raise(SIGUSR1),
                _ => f_calls(raises, std::ptr::null_mut()),
            }
        }
        assert_sound("after a signal");
        *slot = COUNT.load(Ordering::Relaxed) - before;
    }
    counts
}

pub fn signal_counts() {
    let (mut read, write) = std::io::pipe().expect("a pipe");
    handle(SIGUSR1, counts);
    WOKEN.store(write.as_raw_fd(), Ordering::Relaxed);
    println!("{:?}", everywhere());
    let mut bytes = [0u8; 3];
    std::io::Read::read_exact(&mut read, &mut bytes).expect("three bytes");
    WOKEN.store(-1, Ordering::Relaxed);
    // From another process, at any instruction of a loop in C.
    let words = "for i in 1 2 3 4 5 6 7 8 9; do sleep 0.1; kill -USR1 $PPID; done";
    let mut sender = Command::new("sh").args(["-c", words]).spawn().expect("sh");
    let count = COUNT.as_ptr().cast::<c_long>();
    // SAFETY: a static that outlives the call, changed by a signal handler.
    let rounds = unsafe { f_busy_until(count, 6) };
    assert!(sender.wait().expect("it ends").success());
    assert_sound("after signals in a loop of C");
    println!("{}", rounds > 0);
}

/// A handler that touches the heap, in the host and in the host under C.
pub fn signal_heap_in_host() {
    handle(SIGUSR1, reads_heap);
    gate_first();
    // SAFETY: a handler is there; `raises` takes no argument.
    unsafe {
        raise(SIGUSR1);
        f_calls(raises, std::ptr::null_mut());
    }
    println!("{}", COUNT.load(Ordering::Relaxed));
    assert_sound("after");
}

/// The same on top of foreign code: foreign, by its thread.
pub fn signal_heap_in_c() {
    handle(SIGUSR1, reads_heap);
    // SAFETY: a handler is there.
    unsafe { f_raise(SIGUSR1) };
    println!("survived");
}

pub fn signal_as_host() {
    handle(SIGUSR1, reads_heap_as_host);
    println!("{:?}", everywhere());
    handle(SIGUSR1, calls_c);
    println!("{:?}", everywhere());
}

/// C's handler: foreign on top of C. On Rust's signal stack when it asks for that.
pub fn signal_of_c() {
    // SAFETY: C's own handler.
    unsafe {
        assert_eq!(f_handles(SIGUSR2, 0), 0);
        f_raise(SIGUSR2);
        f_kill(SIGUSR2);
        println!("{}", f_seen());
        raise(SIGUSR2);
        assert_eq!(f_seen() / 10000, 3);
        assert_eq!(f_handles(SIGUSR2, SA_ONSTACK), 0);
        f_raise(SIGUSR2);
        println!("{} {}", f_seen() % 100, f_has_signal_stack());
        let other = std::thread::spawn(|| f_has_signal_stack());
        println!("{}", other.join().expect("it asks only"));
    }
    assert_sound("after C's handlers");
}

// ---- SIGPIPE

pub fn pipes() {
    let (read, mut write) = std::io::pipe().expect("a pipe");
    drop(read);
    let error = write.write(b"x").expect_err("nobody reads");
    // SAFETY: takes a number.
    println!("{:?} {}", error.kind(), unsafe {
        f_write(write.as_raw_fd())
    });
    let ended = Command::new("sh")
        .args(["-c", "kill -PIPE $$; exit 0"])
        .status()
        .expect("sh");
    println!("{:?}", ended.signal() == Some(SIGPIPE));
    assert_sound("after pipes");
}

// ---- Processes

fn children() -> String {
    let mut said = String::new();
    let mut child = Command::new("cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("cat");
    let bytes = vec![b'a'; 5000];
    // SAFETY: takes what it is given.
    unsafe { f_sum(bytes.as_ptr(), bytes.len()) };
    child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(&bytes)
        .expect("cat reads");
    said += &format!(
        "{} ",
        child.wait_with_output().expect("it ends").stdout.len()
    );
    let mut command = Command::new("sh");
    command
        .args(["-c", "echo $ROWS_CHILD; exit 3"])
        .env("ROWS_CHILD", "given");
    let done = command.output().expect("sh");
    said += &format!(
        "{} {:?} ",
        String::from_utf8_lossy(&done.stdout).trim(),
        done.status.code()
    );
    // By fork and exec: Rust runs in the child, and C.
    // SAFETY: allocates in the child, which std allows where malloc does; here one thread forks.
    unsafe {
        command.pre_exec(|| {
            let bytes = vec![1u8; 3000];
            assert_eq!(f_sum(bytes.as_ptr(), 3000), 3000);
            Ok(())
        });
    }
    said += &format!("{:?} ", command.status().expect("sh").code());
    said + &format!(
        "{:?}",
        Command::new("/nowhere")
            .spawn()
            .expect_err("it is not there")
            .kind()
    )
}

unsafe extern "C" fn children_under_c(said: *mut c_void) {
    // SAFETY: `processes` passes a String.
    unsafe { *said.cast::<String>() = children() };
}

pub fn processes() {
    println!("{}", children());
    let mut said = String::new();
    // SAFETY: takes this argument.
    unsafe { f_calls(children_under_c, (&raw mut said).cast()) };
    println!("{said}");
    assert_sound("after child processes");
}

/// Everything a child of fork may want; its exit code is 7.
fn in_child() -> ! {
    assert_sound("in the child");
    let bytes = vec![2u8; 70000];
    // SAFETY: takes what it is given; the process ends.
    unsafe {
        assert_eq!(f_sum(bytes.as_ptr(), bytes.len()), 140_000);
        let thread = std::thread::spawn(move || f_sum(bytes.as_ptr(), bytes.len()));
        assert_eq!(thread.join().expect("it ends"), 140_000);
        _exit(7)
    }
}

fn wait_for(child: c_int) -> c_int {
    let mut status = 0;
    // SAFETY: `status` outlives the call.
    unsafe { waitpid(child, &raw mut status, 0) };
    status
}

unsafe extern "C" fn allocates(list: *mut c_void) {
    // SAFETY: `forks` passes a Vec.
    let list = unsafe { &mut *list.cast::<Vec<Vec<u8>>>() };
    for bytes in 1..200 {
        list.push(vec![1; bytes * 40]);
    }
    list.retain(|each| each.len() > 4000);
}

pub fn forks() {
    gate_first();
    // Others allocate and call C meanwhile.
    static GO_ON: AtomicI32 = AtomicI32::new(1);
    let others = [(); 2].map(|()| {
        std::thread::spawn(|| {
            while GO_ON.load(Ordering::Relaxed) != 0 {
                let bytes = vec![1u8; 300];
                // SAFETY: takes what it is given.
                assert_eq!(unsafe { f_sum(bytes.as_ptr(), 300) }, 300);
            }
        })
    });
    let mut seen = Vec::new();
    for _ in 0..5 {
        // SAFETY: the child ends in `in_child`; takes these arguments.
        unsafe {
            let child = fork();
            if child == 0 {
                in_child();
            }
            seen.push(wait_for(child) >> 8);
            // In foreign code: the child calls back, and is foreign behind it.
            let mut list: Vec<Vec<u8>> = Vec::new();
            seen.push(f_forks(allocates, (&raw mut list).cast()) >> 8);
            assert!(list.is_empty());
            // In foreign code, and the child returns through the gate.
            let child = f_fork();
            if child == 0 {
                in_child();
            }
            seen.push(wait_for(child) >> 8);
        }
        assert_sound("after a fork");
    }
    GO_ON.store(0, Ordering::Relaxed);
    others
        .into_iter()
        .for_each(|other| other.join().expect("it ends well"));
    seen.dedup();
    println!("{seen:?}");
}

/// The child of a fork in foreign code is foreign: the host's memory is closed to it.
pub fn fork_peeks() {
    let bytes = Box::new([1u8; 100]);
    // SAFETY: none: C uses an address that it was never lent.
    let status = unsafe { f_fork_peeks(bytes.as_ptr().expose_provenance()) };
    println!("{}", status & 0x7f);
    assert_sound("after a child that was stopped");
}
