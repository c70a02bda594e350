//! The definitions that take the place of libc's, made in the program itself: what a library
//! defines, the linker might not choose.

/// Defines `read`, `write`, `recv`, `send`, `epoll_wait` and their kin in this program, in place of
/// libc's: on mprotect they wait, as loads do, while another thread's foreign call has the
/// heap closed, where the kernel would say EFAULT. One line in the main file of a program
/// with threads (Tokio's, say) beside [`Heap`](crate::Heap); elsewhere, and on `pku`, they are the bare calls.
///
/// Not among them: `recvmsg`, paths (std keeps those below 384 bytes on the stack), what a socket
/// call writes besides the bytes, calls by number (`libc::syscall`, rustix, io_uring).
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
