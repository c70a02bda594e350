//! The definitions that take the place of libc's, made in the program itself: what a library
//! defines, the linker might not choose.

/// Defines `read`, `pread`, `readv`, `preadv`, `recv`, `recvfrom`, `recvmsg`, `write`, `pwrite`, `writev`,
/// `pwritev`, `send`, `sendto`, `sendmsg`, `poll`, `epoll_wait` and `getrandom` in this program, in place of
/// libc's: on mprotect they wait, as loads do, while another thread's foreign call has the
/// heap closed, where the kernel would say EFAULT. One line in the main file of a program
/// with threads (Tokio's, say) beside [`Heap`](crate::Heap); elsewhere, and on `pku`, they are the bare calls.
///
/// And `syscall`, for io_uring (Monoio, say), on both backends: requests whose buffers lie in the heap are
/// done in `io_uring_enter` alone, by rings that foreign code cannot reach on `pku`; kernel threads that
/// poll (SQPOLL), registered buffers in the heap, and foreign code's own use of io_uring are refused, with a
/// line on stderr. Other numbers are the bare calls.
///
/// Not among them: paths (std keeps those below 384 bytes on the stack), what a socket
/// call writes besides the bytes, calls by number or instruction (`libc::syscall`, rustix).
/// They are no cancellation points.
///
/// ```
/// # #[global_allocator] static HEAP: galeed::Heap = galeed::Heap;
/// galeed::waiting_system_calls!();
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! waiting_system_calls {
    () => {
        const _: () = {
            use ::core::ffi::{c_int, c_long, c_void};
            use $crate::waiting::{Message, Part, number};

            // libc's takes what follows the number as it comes, too: whatever that is, the kernel
            // takes no more than its call has.
            #[unsafe(no_mangle)]
            unsafe extern "C" fn syscall(
                what: c_long,
                a: usize,
                b: usize,
                c: usize,
                d: usize,
                e: usize,
                f: usize,
            ) -> c_long {
                let words = [a, b, c, d, e, f];
                // SAFETY: the caller's promise, as in all of these.
                let got = unsafe {
                    if $crate::waiting::ring::is_ours(what) {
                        $crate::waiting::ring::call(what, words)
                    } else {
                        $crate::waiting::bare(what, words)
                    }
                };
                got as c_long
            }
            #[unsafe(no_mangle)]
            unsafe extern "C" fn read(fd: c_int, into: *mut c_void, bytes: usize) -> isize {
                let words = [fd as usize, into.expose_provenance(), bytes, 0, 0, 0];
                // SAFETY: the caller's promise, as in all of these.
                unsafe { $crate::waiting::fill(number::READ, words) }
            }
            #[unsafe(no_mangle)]
            unsafe extern "C" fn pread64(fd: c_int, into: *mut c_void, n: usize, at: i64) -> isize {
                let words = [fd as usize, into.expose_provenance(), n, at as usize, 0, 0];
                // SAFETY: as above.
                unsafe { $crate::waiting::fill(number::PREAD, words) }
            }
            #[unsafe(no_mangle)]
            unsafe extern "C" fn recv(fd: c_int, into: *mut c_void, n: usize, f: c_int) -> isize {
                let words = [fd as usize, into.expose_provenance(), n, f as usize, 0, 0];
                // SAFETY: as above.
                unsafe { $crate::waiting::fill(number::RECVFROM, words) }
            }
            #[unsafe(no_mangle)]
            unsafe extern "C" fn recvfrom(
                fd: c_int,
                into: *mut c_void,
                bytes: usize,
                flags: c_int,
                name: *mut c_void,
                name_bytes: *mut u32,
            ) -> isize {
                let (name, length) = (name.expose_provenance(), name_bytes.expose_provenance());
                let into = into.expose_provenance();
                let words = [fd as usize, into, bytes, flags as usize, name, length];
                // SAFETY: as above.
                unsafe { $crate::waiting::fill(number::RECVFROM, words) }
            }
            #[unsafe(no_mangle)]
            unsafe extern "C" fn readv(fd: c_int, parts: *const Part, count: c_int) -> isize {
                // SAFETY: as above.
                unsafe { $crate::waiting::readv(fd, parts, count) }
            }
            #[unsafe(no_mangle)]
            unsafe extern "C" fn write(fd: c_int, from: *const c_void, bytes: usize) -> isize {
                let words = [fd as usize, from.expose_provenance(), bytes, 0, 0, 0];
                // SAFETY: as above.
                unsafe { $crate::waiting::again(number::WRITE, words, &[(from, bytes)]) }
            }
            #[unsafe(no_mangle)]
            unsafe extern "C" fn pwrite64(
                fd: c_int,
                from: *const c_void,
                bytes: usize,
                at: i64,
            ) -> isize {
                let words = [
                    fd as usize,
                    from.expose_provenance(),
                    bytes,
                    at as usize,
                    0,
                    0,
                ];
                // SAFETY: as above.
                unsafe { $crate::waiting::again(number::PWRITE, words, &[(from, bytes)]) }
            }
            #[unsafe(no_mangle)]
            unsafe extern "C" fn send(fd: c_int, from: *const c_void, n: usize, f: c_int) -> isize {
                let words = [fd as usize, from.expose_provenance(), n, f as usize, 0, 0];
                // SAFETY: as above.
                unsafe { $crate::waiting::again(number::SENDTO, words, &[(from, n)]) }
            }
            #[unsafe(no_mangle)]
            unsafe extern "C" fn sendto(
                fd: c_int,
                from: *const c_void,
                bytes: usize,
                flags: c_int,
                name: *const c_void,
                length: u32,
            ) -> isize {
                let (at, to) = (from.expose_provenance(), name.expose_provenance());
                let words = [fd as usize, at, bytes, flags as usize, to, length as usize];
                let buffers = [(from, bytes), (name, length as usize)];
                // SAFETY: as above.
                unsafe { $crate::waiting::again(number::SENDTO, words, &buffers) }
            }
            #[unsafe(no_mangle)]
            unsafe extern "C" fn writev(fd: c_int, parts: *const Part, count: c_int) -> isize {
                let words = [
                    fd as usize,
                    parts.expose_provenance(),
                    count as usize,
                    0,
                    0,
                    0,
                ];
                let count = usize::try_from(count).unwrap_or(0);
                // SAFETY: as above.
                unsafe { $crate::waiting::gather(number::WRITEV, words, parts, count) }
            }
            #[unsafe(no_mangle)]
            unsafe extern "C" fn sendmsg(fd: c_int, what: *const Message, flags: c_int) -> isize {
                // SAFETY: as above.
                unsafe { $crate::waiting::sendmsg(fd, what, flags) }
            }
            #[unsafe(no_mangle)]
            unsafe extern "C" fn recvmsg(fd: c_int, into: *mut Message, flags: c_int) -> isize {
                // SAFETY: as above.
                unsafe { $crate::waiting::recvmsg(fd, into, flags) }
            }
            #[unsafe(no_mangle)]
            unsafe extern "C" fn preadv64(
                fd: c_int,
                parts: *const Part,
                count: c_int,
                at: i64,
            ) -> isize {
                let parts = parts.expose_provenance();
                let words = [fd as usize, parts, count as usize, at as usize, 0, 0];
                // SAFETY: as above.
                unsafe { $crate::waiting::brief(number::PREADV, words) }
            }
            #[unsafe(no_mangle)]
            unsafe extern "C" fn pwritev64(
                fd: c_int,
                parts: *const Part,
                count: c_int,
                at: i64,
            ) -> isize {
                let parts = parts.expose_provenance();
                let words = [fd as usize, parts, count as usize, at as usize, 0, 0];
                // SAFETY: as above.
                unsafe { $crate::waiting::brief(number::PWRITEV, words) }
            }
            // Under their other names, which the libc crate has.
            #[unsafe(no_mangle)]
            unsafe extern "C" fn pread(fd: c_int, into: *mut c_void, n: usize, at: i64) -> isize {
                // SAFETY: as above.
                unsafe { pread64(fd, into, n, at) }
            }
            #[unsafe(no_mangle)]
            unsafe extern "C" fn pwrite(
                fd: c_int,
                from: *const c_void,
                n: usize,
                at: i64,
            ) -> isize {
                // SAFETY: as above.
                unsafe { pwrite64(fd, from, n, at) }
            }
            #[unsafe(no_mangle)]
            unsafe extern "C" fn preadv(fd: c_int, parts: *const Part, n: c_int, at: i64) -> isize {
                // SAFETY: as above.
                unsafe { preadv64(fd, parts, n, at) }
            }
            #[unsafe(no_mangle)]
            unsafe extern "C" fn pwritev(
                fd: c_int,
                parts: *const Part,
                n: c_int,
                at: i64,
            ) -> isize {
                // SAFETY: as above.
                unsafe { pwritev64(fd, parts, n, at) }
            }
            #[unsafe(no_mangle)]
            unsafe extern "C" fn getrandom(into: *mut c_void, bytes: usize, flags: u32) -> isize {
                let words = [into.expose_provenance(), bytes, flags as usize, 0, 0, 0];
                // SAFETY: as above.
                unsafe { $crate::waiting::brief(number::GETRANDOM, words) }
            }
            #[unsafe(no_mangle)]
            unsafe extern "C" fn poll(fds: *mut c_void, count: u64, timeout: c_int) -> c_int {
                let words = [
                    fds.expose_provenance(),
                    count as usize,
                    timeout as usize,
                    0,
                    0,
                    0,
                ];
                let array = (fds.cast_const(), (count as usize).saturating_mul(8));
                // SAFETY: as above.
                unsafe { $crate::waiting::again(number::POLL, words, &[array]) as c_int }
            }
            #[unsafe(no_mangle)]
            unsafe extern "C" fn epoll_wait(
                epoll: c_int,
                events: *mut c_void,
                most: c_int,
                timeout: c_int,
            ) -> c_int {
                let at = events.expose_provenance();
                let words = [epoll as usize, at, most as usize, timeout as usize, 0, 0];
                let bytes = usize::try_from(most).unwrap_or(0).saturating_mul(12);
                let array = (events.cast_const(), bytes);
                // SAFETY: as above.
                unsafe { $crate::waiting::again(number::EPOLL_WAIT, words, &[array]) as c_int }
            }
        };
    };
}
