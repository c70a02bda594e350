//! The C of work.c, for tasks. A call is synchronous: no task moves, or waits, inside.

use std::sync::atomic::{AtomicUsize, Ordering};

#[repr(C)]
pub struct Session {
    requests: u64,
    hash: u32,
    owner: *const AtomicUsize,
    report: extern "C" fn(*const AtomicUsize, u32),
}

// SAFETY: the owner is an atomic that lives as long as the Arc that `Worker` holds.
unsafe impl Send for Session {}

unsafe extern "C" {
    fn session_work(
        session: *mut Session,
        input: *const u8,
        output: *mut u8,
        bytes: usize,
        turn: u8,
    ) -> u64;
    fn session_overflow(output: *mut u8, bytes: usize);
}

extern "C" fn report(owner: *const AtomicUsize, hash: u32) {
    // In Rust again, amid the call: the heap is open.
    let boxed = std::hint::black_box(Box::new(hash));
    // SAFETY: Session's owner.
    unsafe { &*owner }.fetch_add(usize::from(*boxed == hash), Ordering::Relaxed);
}

/// Zeros. From a page on C accesses lent memory directly; below, by the runtime: few bytes here.
pub fn buffer(bytes: usize) -> Vec<u8> {
    let mut buffer = Vec::with_capacity(if bytes < 16 { bytes } else { bytes.max(4096) });
    buffer.resize(bytes, 0);
    buffer
}

/// A connection's state in C, boxed: C keeps finding it where it was.
pub struct Worker {
    session: Box<Session>,
    // Keeps the counter alive, whose address C has.
    _reports: std::sync::Arc<AtomicUsize>,
}

impl Worker {
    pub fn new(reports: std::sync::Arc<AtomicUsize>) -> Self {
        let session = Box::new(Session {
            requests: 0,
            hash: 0,
            owner: std::sync::Arc::as_ptr(&reports),
            report,
        });
        Self {
            session,
            _reports: reports,
        }
    }

    /// The turned bytes, the hash of what came, and how often this session has worked.
    pub fn work(&mut self, input: &[u8], turn: u8) -> (Vec<u8>, u32, u64) {
        let mut output = buffer(input.len());
        // SAFETY: the lengths are those of the buffers, and the session is ours.
        let count = unsafe {
            session_work(
                &raw mut *self.session,
                input.as_ptr(),
                output.as_mut_ptr(),
                input.len(),
                turn,
            )
        };
        (output, self.session.hash, count)
    }

    /// Runs into the bug. Err: it was stopped.
    #[cfg(feature = "isolated")]
    pub fn overflow(&mut self, bytes: usize) -> Result<(), ()> {
        let mut output = buffer(bytes);
        // SAFETY: none, that is the point.
        let ran =
            galeed::catch(|| unsafe { session_overflow(output.as_mut_ptr(), output.capacity()) });
        match ran {
            Err(violation) if violation.kind == galeed::Kind::Spatial => Err(()),
            other => panic!("not stopped as it should be: {other:?}"),
        }
    }

    /// Without isolation the bug is not run into: it would corrupt the process.
    #[cfg(not(feature = "isolated"))]
    pub fn overflow(&mut self, bytes: usize) -> Result<(), ()> {
        let mut output = vec![0u8; bytes + 1];
        // SAFETY: there is room for the byte too many.
        unsafe { session_overflow(output.as_mut_ptr(), bytes) };
        Err(())
    }
}
