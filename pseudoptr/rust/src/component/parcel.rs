//! Bytes under a virtual key of their own, which whoever owns them may open.
//!
//! Invariant: only the owner's thread opens a parcel, and while it is open it cannot be
//! sent away: the guard borrows it. So at each time one thread at most has rights on it
//! (on `mprotect` rights are the process's: there, all host threads have them with it).
//!
//! Nobody waits for a hardware key with one in hand: who needs two and gets one gives it
//! back. So components never wait for each other in a circle.

use super::Failure;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use galeed_mpk::ffi::{MPK_EPINNED, MPK_EVKEY};
use galeed_mpk::keys::ffi::MPK_GROUPS;
use galeed_mpk::{Begun, Error, PageGroup, Prot};
use std::time::Instant;

/// Virtual keys of parcels: the upper half of those that a program may choose from.
const FIRST_NAME: u32 = 1 << 30;

/// How long to ask for a hardware key while all are in use, and how often.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_micros(200);

/// Bytes in pages of their own; zero at first, closed to every thread, unmapped when dropped.
///
/// What was sent cannot be touched any more, by the types before the hardware is asked:
///
/// ```compile_fail,E0382
/// # use galeed::component::{Client, Failure, Parcel};
/// fn after_sending(client: &Client) -> Result<(), Failure> {
///     let mut message = Parcel::new(8)?;
///     let answer = client.submit(message)?;
///     message.open()?[0] = 1; // moved
///     answer.wait().map(drop)
/// }
/// ```
///
/// An open one is not sent:
///
/// ```compile_fail,E0505
/// # use galeed::component::{Client, Failure, Parcel};
/// fn while_open(client: &Client) -> Result<(), Failure> {
///     let mut message = Parcel::new(8)?;
///     let mut open = message.open()?;
///     let answer = client.submit(message)?; // borrowed
///     open[0] = 1;
///     answer.wait().map(drop)
/// }
/// ```
///
/// And rights do not go to another thread, nor over an `.await` to wherever a task goes on:
///
/// ```compile_fail,E0277
/// # use galeed::component::Parcel;
/// let mut message = Parcel::new(8).unwrap();
/// let mut open = message.open().unwrap();
/// std::thread::scope(|scope| {
///     scope.spawn(move || open[0] = 1); // not Send
/// });
/// ```
#[derive(Debug)]
pub struct Parcel {
    group: PageGroup,
    bytes: usize,
}

impl Parcel {
    /// Zero bytes.
    ///
    /// # Errors
    /// [`Failure::Refused`]: no memory, or as many page groups as there can be.
    pub fn new(bytes: usize) -> Result<Self, Failure> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let mut refused = None;
        for _ in 0..=2 * MPK_GROUPS {
            let name = FIRST_NAME + NEXT.fetch_add(1, Ordering::Relaxed) % FIRST_NAME;
            match PageGroup::map(name, bytes.max(1), Prot::ReadWrite) {
                Ok(group) => return Ok(Self { group, bytes }),
                // Taken, by a parcel that has lived for long or by the program.
                Err(error) if error.code() == MPK_EVKEY => refused = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
        Err(refused.expect("one name was asked for at least").into())
    }

    /// A copy of `content`.
    ///
    /// # Errors
    /// Those of [`new`](Self::new) and [`open`](Self::open).
    pub fn holding(content: &[u8]) -> Result<Self, Failure> {
        let mut parcel = Self::new(content.len())?;
        parcel.open()?.copy_from_slice(content);
        Ok(parcel)
    }

    /// Gives this thread the bytes until the guard is dropped.
    ///
    /// # Errors
    /// [`Failure::Refused`]: every hardware key was in use for ten seconds.
    pub fn open(&mut self) -> Result<Open<'_>, Failure> {
        let this: &Self = self;
        patiently(|| this.begin())
    }

    fn begin(&self) -> Result<Open<'_>, Error> {
        Ok(Open {
            begun: self.group.begin(Prot::ReadWrite)?,
            bytes: self.bytes,
        })
    }
}

/// Both or none.
pub(super) fn open_two<'a>(
    first: &'a mut Parcel,
    second: &'a mut Parcel,
) -> Result<(Open<'a>, Open<'a>), Failure> {
    let (first, second): (&'a Parcel, &'a Parcel) = (first, second);
    patiently(|| Ok((first.begin()?, second.begin()?)))
}

/// Once more, until there is a hardware key; what was begun on the way has been ended by then.
fn patiently<T>(mut begin: impl FnMut() -> Result<T, Error>) -> Result<T, Failure> {
    let started = Instant::now();
    loop {
        match begin() {
            Err(error) if error.code() == MPK_EPINNED && started.elapsed() < PATIENCE => {
                std::thread::sleep(PAUSE);
            }
            outcome => return outcome.map_err(Failure::Refused),
        }
    }
}

/// A parcel's bytes. Stays on its thread: rights do.
#[must_use]
#[derive(Debug)]
pub struct Open<'a> {
    begun: Begun<'a>,
    bytes: usize,
}

impl Deref for Open<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: this many bytes are mapped there, begun on this thread while self lives
        // (it is not Send), and the parcel is borrowed mutably for as long.
        unsafe { core::slice::from_raw_parts(self.begun.base(), self.bytes) }
    }
}

impl DerefMut for Open<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above.
        unsafe { core::slice::from_raw_parts_mut(self.begun.base(), self.bytes) }
    }
}
