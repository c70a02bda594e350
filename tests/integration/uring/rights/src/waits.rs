//! What must not wait for ever: requests that wait for others while memory is kept open, and calls that the
//! kernel refuses at once.

use crate::cases::{MUCH, a_file, buffer, filled};
use crate::foreign::{meanwhile, pass};
use crate::kernel::{self, BYTES, Setup, answer, next, push, recv, ring, send, sockets};
use io_uring::{opcode, squeue::Flags};
use libc::SOCK_STREAM;
use std::{fs::File, os::fd::AsRawFd};

pub const ALL: [kernel::Case; 7] = [
    ("stopped", stopped),
    ("behind", || behind(Flags::IO_LINK, Flags::empty())),
    ("drained", || behind(Flags::empty(), Flags::IO_DRAIN)),
    ("no-ring", no_ring),
    ("no-time", no_time),
    ("no-waiting", no_waiting),
    ("handler", handler),
];

/// The kernel stops taking requests at one that makes no sense; behind it is one on a file.
fn stopped() -> String {
    let (mut ring, mut room, file) = (ring(&Setup::Plain), buffer(), a_file());
    let mut senseless = opcode::Nop::new().build();
    // SAFETY: the first byte of a request is its operation.
    unsafe { (&raw mut senseless).cast::<u8>().write(0xff) };
    push(&mut ring, &senseless);
    push(
        &mut ring,
        &kernel::read(file.as_raw_fd(), &mut room).user_data(1),
    );
    let first = next(&mut ring).1;
    format!("{}, {}", answer(first), answer(next(&mut ring).1))
}

/// A request on a file that waits for one on a socket, whose other end is a thread with a gate before it.
fn behind(first: Flags, second: Flags) -> String {
    let (mut ring, mut room, ends) = (ring(&Setup::Plain), buffer(), sockets(SOCK_STREAM));
    let (file, mut zeros) = (a_file(), vec![1; BYTES]);
    push(
        &mut ring,
        &recv(ends[0], &mut room).flags(first).user_data(1),
    );
    push(
        &mut ring,
        &kernel::read(file.as_raw_fd(), &mut zeros)
            .flags(second)
            .user_data(2),
    );
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            meanwhile(|| {}, || {});
            send(ends);
        });
        let mut answers = [next(&mut ring), next(&mut ring)];
        answers.sort_unstable();
        let told = answers.map(|(_, result)| answer(result));
        told.join(", ")
    })
}

/// A descriptor that was a ring's, and is an empty file's.
fn no_ring() -> String {
    let ring = ring(&Setup::Plain);
    let fd = ring.as_raw_fd();
    drop(ring);
    let path = std::env::temp_dir().join(format!("galeed-rights-{}", std::process::id()));
    let file = File::create_new(&path).expect("a file");
    std::fs::remove_file(&path).expect("removed");
    assert_eq!(file.as_raw_fd(), fd, "the number used again");
    enter(fd, 1, 0, 0, &[])
}

/// Waits with an argument of a size that the kernel knows nothing of.
fn no_time() -> String {
    const GETEVENTS_AND_EXT_ARG: u32 = 1 << 0 | 1 << 3;
    let ring = ring(&Setup::Plain);
    enter(ring.as_raw_fd(), 0, 1, GETEVENTS_AND_EXT_ARG, &[0; 2])
}

/// Names a number of answers, but not the flag that asks for waiting.
fn no_waiting() -> String {
    let ring = ring(&Setup::Plain);
    enter(ring.as_raw_fd(), 0, 1, 0, &[])
}

fn enter(fd: i32, submit: u32, least: u32, flags: u32, argument: &[u64]) -> String {
    let number = libc::SYS_io_uring_enter;
    let (at, bytes) = (argument.as_ptr(), size_of_val(argument));
    // SAFETY: words, and an argument as long as is said.
    let got = unsafe { libc::syscall(number, fd, submit, least, flags, at, bytes) };
    if got < 0 {
        kernel::name(std::io::Error::last_os_error().raw_os_error().unwrap_or(0))
    } else {
        got.to_string()
    }
}

extern "C" fn on_alarm(_: i32) {
    galeed::on_signal(pass);
}

/// A worker reads a file while signals interrupt the thread that waits, and their handler calls foreign code.
fn handler() -> String {
    pass(); // a thread's first gate is not for handlers
    let (mut ring, mut room, file) = (ring(&Setup::Plain), vec![1u8; MUCH], a_file());
    let often = libc::timeval {
        tv_sec: 0,
        tv_usec: 50_000,
    };
    let timer = |each| libc::itimerval {
        it_interval: each,
        it_value: each,
    };
    // SAFETY: a handler that allocates nothing.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_alarm as *const () as usize;
        action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
        libc::sigaction(libc::SIGALRM, &raw const action, std::ptr::null_mut());
        libc::setitimer(libc::ITIMER_REAL, &timer(often), std::ptr::null_mut());
    }
    push(
        &mut ring,
        &kernel::read(file.as_raw_fd(), &mut room).flags(Flags::ASYNC),
    );
    while let Err(error) = ring.submit() {
        assert_eq!(error.raw_os_error(), Some(libc::EINTR));
    }
    // SAFETY: no more of them.
    unsafe {
        let never = std::mem::zeroed();
        libc::setitimer(libc::ITIMER_REAL, &timer(never), std::ptr::null_mut());
    }
    filled(&mut ring, &room)
}
