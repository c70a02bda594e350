//! System calls on buffers of the heap, made while another thread is in foreign code.
//!
//! On mprotect the heap is closed then: the kernel says EFAULT, or what `waiting_system_calls!` defines
//! waits until the foreign call has returned. Each case looks at every byte.

use crate::foreign::{amid, another};
use crate::kernel::{BYTES, Case, SENT, left, name, send, sockets};
use libc::{SOCK_DGRAM, SOCK_STREAM, c_void, iovec, msghdr};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

/// A call of libc's on buffers that the helpers below make.
macro_rules! c {
    ($name:ident: $($word:expr),*) => {{
        // SAFETY: the buffers have room for, or hold, BYTES.
        unsafe { libc::$name($($word),*) }
    }};
}

pub const ALL: [Case; 22] = [
    // What fills: a datagram that cannot be delivered would be gone.
    ("read", || fills(|fd, at| c!(read: fd, at, BYTES))),
    ("recv", || fills(|fd, at| c!(recv: fd, at, BYTES, 0))),
    ("recvfrom", || {
        fills(|fd, at| c!(recvfrom: fd, at, BYTES, 0, NULL.cast(), NULL.cast()))
    }),
    ("readv", || {
        fills_parts(|fd, parts, _| c!(readv: fd, parts, 2))
    }),
    ("recvmsg", || {
        fills_parts(|fd, _, message| c!(recvmsg: fd, message, 0))
    }),
    ("recvmsg-later", recvmsg_later),
    ("pread64", || {
        reads(|fd, at, _| c!(pread64: fd, at, BYTES, 0))
    }),
    ("pread", || reads(|fd, at, _| c!(pread: fd, at, BYTES, 0))),
    ("preadv64", || {
        reads(|fd, _, parts| c!(preadv64: fd, parts, 2, 0))
    }),
    ("preadv", || {
        reads(|fd, _, parts| c!(preadv: fd, parts, 2, 0))
    }),
    ("getrandom", getrandom),
    // What takes.
    ("write", || takes(|fd, at, _, _| c!(write: fd, at, BYTES))),
    ("send", || takes(|fd, at, _, _| c!(send: fd, at, BYTES, 0))),
    ("sendto", || {
        takes(|fd, at, _, _| c!(sendto: fd, at, BYTES, 0, NULL.cast(), 0))
    }),
    ("writev", || {
        takes(|fd, _, parts, _| c!(writev: fd, parts, 2))
    }),
    ("sendmsg", || {
        takes(|fd, _, _, message| c!(sendmsg: fd, message, 0))
    }),
    ("pwrite64", || {
        writes(|fd, at, _| c!(pwrite64: fd, at, BYTES, 0))
    }),
    ("pwrite", || {
        writes(|fd, at, _| c!(pwrite: fd, at, BYTES, 0))
    }),
    ("pwritev64", || {
        writes(|fd, _, parts| c!(pwritev64: fd, parts, 2, 0))
    }),
    ("pwritev", || {
        writes(|fd, _, parts| c!(pwritev: fd, parts, 2, 0))
    }),
    // What waits.
    ("poll", poll),
    ("epoll_wait", epoll_wait),
];

const NULL: *mut c_void = std::ptr::null_mut();

/// The call's result, or its error's name. It must not touch the heap itself.
fn while_closed(call: impl FnOnce() -> isize) -> String {
    let (mut got, mut error) = (0, None);
    std::thread::scope(|scope| {
        amid(scope, || {});
        another(scope);
        got = call();
        if got < 0 {
            // SAFETY: this thread's own word.
            error = Some(unsafe { *libc::__errno_location() });
        }
    });
    error.map_or_else(|| got.to_string(), name)
}

/// A buffer, its two halves, and a message of the two: all in the heap.
struct Room {
    bytes: Vec<u8>,
    parts: Vec<iovec>,
    message: Box<msghdr>,
}

fn room(bytes: &[u8]) -> Room {
    let mut bytes = bytes.to_vec();
    let half = BYTES / 2;
    let part = |at: &mut u8| iovec {
        iov_base: (&raw mut *at).cast(),
        iov_len: half,
    };
    let mut parts = vec![part(&mut bytes[0]), part(&mut bytes[half])];
    // SAFETY: zeros are a message without parts.
    let mut message: Box<msghdr> = Box::new(unsafe { std::mem::zeroed() });
    (message.msg_iov, message.msg_iovlen) = (parts.as_mut_ptr(), parts.len());
    Room {
        bytes,
        parts,
        message,
    }
}

fn told(told: String, room: &Room) -> String {
    let all = told == BYTES.to_string();
    assert!(
        !all || room.bytes == SENT,
        "not what was sent: {:?}",
        room.bytes
    );
    told
}

fn fills(call: fn(i32, *mut c_void) -> isize) -> String {
    let (ends, mut room) = (sockets(SOCK_DGRAM), room(&[0; BYTES]));
    send(ends);
    let at = room.bytes.as_mut_ptr().cast();
    told(while_closed(|| call(ends[0], at)), &room)
}

fn fills_parts(call: fn(i32, *const iovec, *mut msghdr) -> isize) -> String {
    let (ends, mut room) = (sockets(SOCK_DGRAM), room(&[0; BYTES]));
    send(ends);
    let (parts, message) = (room.parts.as_ptr(), &raw mut *room.message);
    told(while_closed(|| call(ends[0], parts, message)), &room)
}

/// The datagram comes while recvmsg waits for it, and another thread is in foreign code.
fn recvmsg_later() -> String {
    let (ends, mut room) = (sockets(SOCK_DGRAM), room(&[0; BYTES]));
    let message = &raw mut *room.message;
    let mut got = 0;
    std::thread::scope(|scope| {
        amid(scope, || send(ends));
        another(scope);
        // SAFETY: room for all of it.
        got = unsafe { libc::recvmsg(ends[0], message, 0) };
    });
    let bad = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
    told(if got < 0 { name(bad) } else { got.to_string() }, &room)
}

/// A file with nothing but these bytes, and no name.
fn file(bytes: &[u8]) -> File {
    let path = std::env::temp_dir().join(format!("galeed-calls-{}", std::process::id()));
    let file = File::create_new(&path).expect("a file");
    file.write_all_at(bytes, 0).expect("written");
    let file = File::options()
        .read(true)
        .write(true)
        .open(&path)
        .expect("a file");
    std::fs::remove_file(&path).expect("removed");
    file
}

fn reads(call: fn(i32, *mut c_void, *const iovec) -> isize) -> String {
    let (file, mut room) = (file(&SENT), room(&[0; BYTES]));
    let (fd, at, parts) = (
        file.as_raw_fd(),
        room.bytes.as_mut_ptr().cast(),
        room.parts.as_ptr(),
    );
    told(while_closed(|| call(fd, at, parts)), &room)
}

fn getrandom() -> String {
    let mut room = vec![0u8; BYTES];
    let at = room.as_mut_ptr().cast();
    // SAFETY: room for all of it.
    let told = while_closed(|| unsafe { libc::getrandom(at, BYTES, 0) });
    assert!(told != BYTES.to_string() || room != [0; BYTES], "zeros");
    told
}

fn takes(call: fn(i32, *const c_void, *const iovec, *const msghdr) -> isize) -> String {
    let (ends, room) = (sockets(SOCK_STREAM), room(&SENT));
    let (at, parts, message) = (
        room.bytes.as_ptr().cast(),
        room.parts.as_ptr(),
        &raw const *room.message,
    );
    let told = while_closed(|| call(ends[1], at, parts, message));
    assert!(
        told != BYTES.to_string() || left(ends) == "kept",
        "not what was sent"
    );
    told
}

fn writes(call: fn(i32, *const c_void, *const iovec) -> isize) -> String {
    let (file, room) = (file(&[]), room(&SENT));
    let (fd, at, parts) = (
        file.as_raw_fd(),
        room.bytes.as_ptr().cast(),
        room.parts.as_ptr(),
    );
    let told = while_closed(|| call(fd, at, parts));
    let mut back = [0; BYTES];
    let got = file.read_at(&mut back, 0).expect("read");
    assert!(
        told != BYTES.to_string() || back[..got] == SENT,
        "not what was written"
    );
    told
}

fn poll() -> String {
    let ends = sockets(SOCK_STREAM);
    send(ends);
    let mut asked = vec![libc::pollfd {
        fd: ends[0],
        events: libc::POLLIN,
        revents: 0,
    }];
    let at = asked.as_mut_ptr();
    // SAFETY: one descriptor.
    let told = while_closed(|| unsafe { libc::poll(at, 1, -1) as isize });
    assert!(told != "1" || asked[0].revents == libc::POLLIN);
    told
}

fn epoll_wait() -> String {
    let ends = sockets(SOCK_STREAM);
    // SAFETY: no memory.
    let epoll = unsafe { libc::epoll_create1(0) };
    let mut event = libc::epoll_event {
        events: libc::EPOLLIN as u32,
        u64: 7,
    };
    // SAFETY: an event.
    let done = unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, ends[0], &raw mut event) };
    assert_eq!(done, 0);
    send(ends);
    let mut events = vec![libc::epoll_event { events: 0, u64: 0 }];
    let at = events.as_mut_ptr();
    // SAFETY: room for one.
    let told = while_closed(|| unsafe { libc::epoll_wait(epoll, at, 1, -1) as isize });
    let data = events[0].u64;
    assert!(told != "1" || data == 7);
    told
}
