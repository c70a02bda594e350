//! A ring, and pairs of descriptors to do I/O on.

use io_uring::{IoUring, opcode, squeue, types::Fd};

pub const BYTES: usize = 8;
/// Never in the heap: what threads send while it may be closed.
pub static SENT: [u8; BYTES] = *b"sent you";

/// A name, and what happens.
pub type Case = (&'static str, fn() -> String);

pub enum Setup {
    Plain,
    Coop,
    Defer,
    Polled,
}

pub fn ring(setup: &Setup) -> IoUring {
    let mut builder = IoUring::builder();
    match setup {
        Setup::Plain => &mut builder,
        Setup::Coop => builder.setup_coop_taskrun(),
        Setup::Defer => builder.setup_single_issuer().setup_defer_taskrun(),
        Setup::Polled => builder.setup_sqpoll(60_000),
    };
    builder.build(8).unwrap_or_else(|error| {
        println!("no ring: {}", name(error.raw_os_error().unwrap_or(0)));
        std::process::exit(0)
    })
}

pub fn name(error: i32) -> String {
    let known = [
        (libc::EFAULT, "EFAULT"),
        (libc::EPERM, "EPERM"),
        (libc::EINVAL, "EINVAL"),
        (libc::EEXIST, "EEXIST"),
        (libc::EOPNOTSUPP, "EOPNOTSUPP"),
    ];
    let found = known.iter().find(|(number, _)| *number == error);
    found.map_or_else(|| format!("error {error}"), |(_, name)| (*name).to_string())
}

pub fn answer(result: i32) -> String {
    if result < 0 {
        name(-result)
    } else {
        result.to_string()
    }
}

pub fn push(ring: &mut IoUring, entry: &squeue::Entry) {
    // SAFETY: the cases keep what entries name until the answer is there.
    unsafe { ring.submission().push(entry) }.expect("room in the queue");
}

/// The next answer: who asked, and what the kernel said.
pub fn next(ring: &mut IoUring) -> (u64, i32) {
    loop {
        if let Some(entry) = ring.completion().next() {
            return (entry.user_data(), entry.result());
        }
        ring.submit_and_wait(1).expect("io_uring_enter");
    }
}

pub fn recv(fd: i32, into: &mut [u8]) -> squeue::Entry {
    opcode::Recv::new(Fd(fd), into.as_mut_ptr(), into.len() as u32).build()
}

pub fn read(fd: i32, into: &mut [u8]) -> squeue::Entry {
    opcode::Read::new(Fd(fd), into.as_mut_ptr(), into.len() as u32).build()
}

/// Two ends; what is sent to the second arrives at the first.
pub fn sockets(kind: i32) -> [i32; 2] {
    let mut ends = [0; 2];
    // SAFETY: room for two.
    let made = unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) };
    assert_eq!(made, 0, "socketpair");
    ends
}

pub fn send(ends: [i32; 2]) {
    // SAFETY: a static.
    let sent = unsafe { libc::write(ends[1], SENT.as_ptr().cast(), BYTES) };
    assert_eq!(sent, BYTES as isize);
}

/// Is what was sent still there to be received?
pub fn left(ends: [i32; 2]) -> &'static str {
    let mut room = [0u8; BYTES];
    // SAFETY: room for all.
    let got = unsafe { libc::recv(ends[0], room.as_mut_ptr().cast(), BYTES, libc::MSG_DONTWAIT) };
    if got == BYTES as isize {
        "kept"
    } else {
        "gone"
    }
}
