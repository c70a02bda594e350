//! Each case hands the kernel a buffer of the heap (in the domain) and looks what becomes of it.

use crate::foreign::{self, amid, another, meanwhile};
use crate::kernel::{self, BYTES, SENT, Setup, answer, next, push, recv, ring, send, sockets};
use io_uring::{opcode, squeue::Flags, types::Fd};
use libc::{SOCK_DGRAM, SOCK_STREAM};
use std::{fs::File, os::fd::AsRawFd};

pub const ALL: [kernel::Case; 19] = [
    ("inline", inline),
    ("interrupt", || interrupt(&Setup::Plain, SOCK_STREAM)),
    ("interrupt-datagram", || {
        interrupt(&Setup::Plain, SOCK_DGRAM)
    }),
    ("interrupt-coop", || interrupt(&Setup::Coop, SOCK_STREAM)),
    ("interrupt-defer", || interrupt(&Setup::Defer, SOCK_STREAM)),
    ("never-waits", never_waits),
    ("accept", accept),
    ("another-thread", || another_thread(&Setup::Plain)),
    ("another-thread-defer", || another_thread(&Setup::Defer)),
    ("worker", worker),
    ("file", file),
    ("polled", polled),
    ("registered", registered),
    ("registered-outside", registered_outside),
    ("registered-tagged", || register(false)),
    ("registered-late", || register(true)),
    ("another-issuer", another_issuer),
    ("their-ring", their_ring),
    ("forged", forged),
];

/// Of a read that takes a worker some time.
pub const MUCH: usize = 256 << 20;

fn submit(ring: &io_uring::IoUring) {
    ring.submit().expect("submitted");
}

pub fn buffer() -> Vec<u8> {
    vec![0; BYTES]
}

fn told(result: i32, buffer: &[u8]) -> String {
    let right = result < 0 || buffer[..result as usize] == SENT[..result as usize];
    assert!(right, "{result} bytes, but not those that were sent");
    answer(result)
}

/// At io_uring_enter, by the thread that hands it in.
fn inline() -> String {
    let (mut ring, mut room, ends) = (ring(&Setup::Plain), buffer(), sockets(SOCK_STREAM));
    send(ends);
    push(&mut ring, &recv(ends[0], &mut room));
    let (_, result) = next(&mut ring);
    told(result, &room)
}

/// The data come while the thread that asked for them is in foreign code.
fn interrupt(setup: &Setup, kind: i32) -> String {
    let (mut ring, mut room, ends) = (ring(setup), buffer(), sockets(kind));
    push(&mut ring, &recv(ends[0], &mut room));
    meanwhile(|| submit(&ring), || send(ends));
    let (_, result) = next(&mut ring);
    let told = told(result, &room);
    if result < 0 {
        format!("{told}, {}", kernel::left(ends))
    } else {
        told
    }
}

/// The driver hands in and never waits, as one with other things to do.
fn never_waits() -> String {
    let (mut ring, mut room, ends) = (ring(&Setup::Plain), buffer(), sockets(SOCK_STREAM));
    push(&mut ring, &recv(ends[0], &mut room));
    submit(&ring);
    send(ends);
    for _ in 0..1000 {
        submit(&ring);
        if let Some(entry) = ring.completion().next() {
            return told(entry.result(), &room);
        }
    }
    String::from("nothing")
}

/// A connection comes in while the thread is in foreign code: its address goes to the heap.
fn accept() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = listener.local_addr().expect("bound");
    let mut ring = ring(&Setup::Plain);
    // SAFETY: zeros are an address.
    let mut from: Box<(libc::sockaddr_storage, u32)> = Box::new(unsafe { std::mem::zeroed() });
    from.1 = size_of::<libc::sockaddr_storage>() as u32;
    let fd = Fd(listener.as_raw_fd());
    push(
        &mut ring,
        &opcode::Accept::new(fd, (&raw mut from.0).cast(), &raw mut from.1).build(),
    );
    // Made here, connected there: the heap may be closed then.
    let name = socket_address(address);
    // SAFETY: a socket.
    let client = unsafe { libc::socket(libc::AF_INET, SOCK_STREAM, 0) };
    meanwhile(
        || submit(&ring),
        || {
            // SAFETY: a name on a stack.
            let done = unsafe {
                libc::connect(client, (&raw const name).cast(), size_of_val(&name) as u32)
            };
            assert_eq!(done, 0, "connect");
        },
    );
    let (_, result) = next(&mut ring);
    if result >= 0 {
        return String::from("accepted");
    }
    listener.set_nonblocking(true).expect("a socket");
    let lost = listener.accept().is_err();
    format!("{}, {}", answer(result), if lost { "gone" } else { "kept" })
}

fn socket_address(address: std::net::SocketAddr) -> libc::sockaddr_in {
    // SAFETY: zeros are an address.
    let mut name: libc::sockaddr_in = unsafe { std::mem::zeroed() };
    name.sin_family = libc::AF_INET as u16;
    name.sin_port = address.port().to_be();
    name.sin_addr.s_addr = u32::from_ne_bytes([127, 0, 0, 1]);
    name
}

/// The data come while the thread waits in io_uring_enter and another one is in foreign code.
fn another_thread(setup: &Setup) -> String {
    let (mut ring, mut room, ends) = (ring(setup), buffer(), sockets(SOCK_STREAM));
    push(&mut ring, &recv(ends[0], &mut room));
    std::thread::scope(|scope| {
        amid(scope, || send(ends));
        another(scope);
        let (_, result) = next(&mut ring);
        told(result, &room)
    })
}

/// A read that a kernel worker does (IOSQE_ASYNC, of a file), while the thread that asked
/// for it goes into foreign code: much, so that it takes a while.
fn worker() -> String {
    let mut ring = ring(&Setup::Plain);
    let mut room = vec![1u8; MUCH];
    let zeros = a_file();
    let entry = kernel::read(zeros.as_raw_fd(), &mut room).flags(Flags::ASYNC);
    push(&mut ring, &entry);
    meanwhile(|| submit(&ring), || {});
    filled(&mut ring, &room)
}

/// Zeros without a name.
pub fn a_file() -> File {
    let path = std::env::temp_dir().join(format!("galeed-rights-{}", std::process::id()));
    let file = File::create_new(&path).expect("a file");
    file.set_len(MUCH as u64).expect("room");
    let file = File::open(&path).expect("a file");
    std::fs::remove_file(&path).expect("removed");
    file
}

pub fn filled(ring: &mut io_uring::IoUring, room: &[u8]) -> String {
    let (_, result) = next(ring);
    if result < 0 {
        return answer(result);
    }
    let right = room[..result as usize].iter().all(|byte| *byte == 0);
    assert!(right, "{result} bytes, but not those that were read");
    String::from(if result as usize == room.len() {
        "all"
    } else {
        "a part"
    })
}

/// The same of a file, while another thread goes into foreign code.
fn file() -> String {
    let file = a_file();
    let mut ring = ring(&Setup::Plain);
    let mut room = vec![1u8; MUCH];
    push(
        &mut ring,
        &kernel::read(file.as_raw_fd(), &mut room).flags(Flags::ASYNC),
    );
    std::thread::scope(|scope| {
        amid(scope, || {});
        submit(&ring);
        another(scope);
        filled(&mut ring, &room)
    })
}

/// A kernel thread that looks for requests by itself (IORING_SETUP_SQPOLL).
fn polled() -> String {
    let (mut ring, mut room, ends) = (ring(&Setup::Polled), buffer(), sockets(SOCK_STREAM));
    push(&mut ring, &recv(ends[0], &mut room));
    meanwhile(|| submit(&ring), || send(ends));
    let (_, result) = next(&mut ring);
    told(result, &room)
}

/// A buffer that the kernel has pinned (IORING_REGISTER_BUFFERS).
fn registered() -> String {
    pinned(&mut vec![0; 4096])
}

fn registered_outside() -> String {
    // SAFETY: new pages.
    let room = unsafe {
        let (prot, flags) = (
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
        );
        let at = libc::mmap(std::ptr::null_mut(), 4096, prot, flags, -1, 0);
        std::slice::from_raw_parts_mut(at.cast::<u8>(), 4096)
    };
    pinned(room)
}

fn pinned(room: &mut [u8]) -> String {
    let (mut ring, ends) = (ring(&Setup::Plain), sockets(SOCK_STREAM));
    let part = libc::iovec {
        iov_base: room.as_mut_ptr().cast(),
        iov_len: room.len(),
    };
    // SAFETY: the buffer lives until the ring is gone.
    if let Err(error) = unsafe { ring.submitter().register_buffers(&[part]) } {
        return kernel::name(error.raw_os_error().unwrap_or(0));
    }
    let entry = opcode::ReadFixed::new(Fd(ends[0]), room.as_mut_ptr(), BYTES as u32, 0).build();
    push(&mut ring, &entry);
    meanwhile(|| submit(&ring), || send(ends));
    let (_, result) = next(&mut ring);
    told(result, room)
}

/// A buffer registered by the newer calls: at once, or into a table that has room. No driver's: by number.
fn register(late: bool) -> String {
    const BUFFERS2: i64 = 15;
    const BUFFERS_UPDATE: i64 = 16;
    const SPARSE: u64 = 1 << 32; // flags, behind the count
    let (ring, mut room) = (ring(&Setup::Plain), vec![0u8; 4096]);
    let part = libc::iovec {
        iov_base: room.as_mut_ptr().cast(),
        iov_len: room.len(),
    };
    let at = (&raw const part).expose_provenance() as u64;
    let call = |what: i64, words: &[u64; 4]| {
        let number = libc::SYS_io_uring_register;
        // SAFETY: 32 bytes, as each of the two takes them; the buffer outlives the ring.
        let got = unsafe { libc::syscall(number, ring.as_raw_fd(), what, words.as_ptr(), 32usize) };
        if got < 0 {
            kernel::name(std::io::Error::last_os_error().raw_os_error().unwrap_or(0))
        } else {
            got.to_string()
        }
    };
    if !late {
        return call(BUFFERS2, &[1, 0, at, 0]);
    }
    assert_eq!(
        call(BUFFERS2, &[1 | SPARSE, 0, 0, 0]),
        "0",
        "an empty table"
    );
    call(BUFFERS_UPDATE, &[0, at, 0, 1])
}

/// A ring that goes to another thread.
fn another_issuer() -> String {
    let (mut ring, mut room, ends) = (ring(&Setup::Plain), buffer(), sockets(SOCK_STREAM));
    send(ends);
    push(&mut ring, &recv(ends[0], &mut room));
    std::thread::scope(|scope| {
        let other = scope.spawn(|| match ring.submit_and_wait(1) {
            Ok(_) => told(next(&mut ring).1, &room),
            Err(error) => kernel::name(error.raw_os_error().unwrap_or(0)),
        });
        other.join().expect("an answer")
    })
}

/// Foreign code hands in a request of its own that names the domain, and returns. The data come later.
fn their_ring() -> String {
    let (mut room, ends) = (buffer(), sockets(SOCK_STREAM));
    let address = room.as_mut_ptr().expose_provenance();
    // SAFETY: none, that is the point.
    let made = unsafe { foreign::foreign_arm(ends[0], address, BYTES as u32) };
    if made < 0 {
        return answer(made);
    }
    send(ends);
    std::thread::sleep(std::time::Duration::from_millis(60));
    // SAFETY: live memory.
    let changed = unsafe { room.as_ptr().read_volatile() } != 0;
    String::from(if changed { "written" } else { "untouched" })
}

/// Foreign code writes into the host's ring, where requests lie.
fn forged() -> String {
    let (mut ring, mut room, ends) = (ring(&Setup::Plain), buffer(), sockets(SOCK_STREAM));
    send(ends);
    push(&mut ring, &recv(ends[0], &mut room));
    next(&mut ring);
    let maps = std::fs::read_to_string("/proc/self/maps").expect("maps");
    let line = maps
        .lines()
        .find(|line| line.contains("[io_uring]"))
        .expect("a ring");
    let start = line.split('-').next().expect("an address");
    let at = usize::from_str_radix(start, 16).expect("an address");
    // SAFETY: none, that is the point. The last byte of the first page.
    unsafe { foreign::foreign_poke(std::ptr::with_exposed_provenance_mut(at + 4095)) };
    String::from("written")
}
