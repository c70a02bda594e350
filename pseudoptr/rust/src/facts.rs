//! What a program is told of a violation: by [`catch`](crate::catch), and by its hook.

use crate::resolve::{Access, Kind};
use crate::sys::{self, mpk_violation};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::CStr;
use core::fmt;

/// What foreign code did that it may not: an access that was refused, or that
/// the hardware stopped. [`catch`](crate::catch) returns it; its fields are those
/// of [`Facts`].
#[derive(Clone, Debug)]
pub struct Violation(Box<Facts>);

impl core::ops::Deref for Violation {
    type Target = Facts;
    fn deref(&self) -> &Facts {
        &self.0
    }
}

/// What is known about a violation.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Which rule was broken.
    pub kind: Kind,
    /// What was attempted; `None` when a fault did not say.
    pub access: Option<Access>,
    /// The foreign function that Rust had called.
    pub function: Option<String>,
    /// The address touched, or that the pseudo-pointer stood for; 0: unknown.
    pub address: u64,
    /// Size of the access in bytes; 0: unknown.
    pub bytes: u64,
    /// The pseudo-pointer; 0: none was involved.
    pub handle: u64,
    /// From the first byte of the lease; meaningful with a lease.
    pub offset: i64,
    /// Bytes of the lease.
    pub bound: u64,
    /// The lease's number, its index in the table; `None`: no lease is known.
    pub lease: Option<u64>,
    /// The generation that the pseudo-pointer carried.
    pub generation: u64,
    /// The latest generation of that lease number.
    pub live_generation: u64,
    /// Could foreign code reach the lease directly?
    pub mapped: bool,
    /// Hardware key of the page; -1: none was involved.
    pub key: i32,
    /// First byte of the Rust allocation; 0: unknown.
    pub allocation: u64,
    /// Its length in bytes.
    pub allocation_bytes: u64,
    /// Where in foreign code; 0: unknown.
    pub pc: u64,
    /// One clause of explanation.
    pub detail: Option<String>,
    /// Kernel id of the thread that did it.
    pub thread: i32,
    /// Its name, as the kernel knows it (15 bytes at most).
    pub thread_name: Option<String>,
    /// Where the allocation was made, where `GALEED_SITES` had that recorded.
    pub allocated: Option<Site>,
    /// Where it, or the lease, ended, if that has happened and was recorded.
    pub ended: Option<Site>,
}

/// The call stack of a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Kernel id of the thread.
    pub thread: i32,
    /// Addresses inside the calls, innermost first; 24 at most. `galeed-report` says
    /// file and line of those in a report.
    pub frames: Vec<u64>,
}

impl Site {
    fn of(raw: &sys::mpk_site) -> Option<Site> {
        let frames = raw.frames.get(..raw.count as usize)?;
        (!frames.is_empty()).then(|| Site {
            thread: raw.thread,
            frames: frames.to_vec(),
        })
    }
}

/// What a string of the runtime says.
/// The clause, and in brackets what it is about.
fn detail(raw: &sys::mpk_violation) -> Option<String> {
    let clause = text(raw.detail)?;
    let subject = text(raw.subject.as_ptr()).filter(|subject| !subject.is_empty());
    Some(match subject {
        Some(subject) => format!("{clause} ({subject})"),
        None => clause,
    })
}

fn text(string: *const core::ffi::c_char) -> Option<String> {
    if string.is_null() {
        return None;
    }
    // SAFETY: a string that outlives the call, with its end, as mpk.h promises.
    let string = unsafe { CStr::from_ptr(string) };
    Some(string.to_string_lossy().into_owned())
}

impl Violation {
    /// The last violation that unwound on this thread.
    pub(crate) fn last() -> Option<Violation> {
        let mut raw = mpk_violation::default();
        // SAFETY: `raw` is writable for the call.
        let is = unsafe { sys::mpk_last_violation(&raw mut raw) } != 0;
        is.then(|| Violation::reported(&raw))
    }

    /// `raw` is what this thread's last report was about.
    pub(crate) fn reported(raw: &mpk_violation) -> Violation {
        let mut sites = sys::mpk_sites::default();
        // SAFETY: `sites` is writable for the call, which leaves it alone when there are none.
        unsafe { sys::mpk_last_sites(&raw mut sites) };
        let kinds = [
            Kind::Spatial,
            Kind::Temporal,
            Kind::Forged,
            Kind::Rights,
            Kind::Type,
        ];
        let kind = kinds.into_iter().find(|kind| *kind as u32 == raw.kind);
        Violation(Box::new(Facts {
            kind: kind.unwrap_or(Kind::Boundary),
            access: Access::from_number(raw.access),
            function: text(raw.function),
            address: raw.address,
            bytes: raw.bytes,
            handle: raw.handle,
            offset: raw.offset,
            bound: raw.bound,
            lease: raw.lease.checked_sub(1),
            generation: raw.generation,
            live_generation: raw.live_generation,
            mapped: raw.mapped != 0,
            key: raw.key,
            allocation: raw.allocation,
            allocation_bytes: raw.allocation_bytes,
            pc: raw.pc,
            detail: detail(raw),
            thread: raw.thread,
            thread_name: text(raw.thread_name.as_ptr()).filter(|name| !name.is_empty()),
            allocated: Site::of(&sites.allocated),
            ended: Site::of(&sites.ended),
        }))
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = format!("{:?}", self.kind).to_lowercase();
        write!(f, "{kind} violation")?;
        if let Some(function) = &self.function {
            write!(f, " in {function}")?;
        }
        if let Some(access) = self.access {
            write!(f, ": {}", format!("{access:?}").to_lowercase())?;
            if self.bytes != 0 {
                write!(f, " of {} bytes", self.bytes)?;
            }
        }
        if let Some(lease) = self.lease
            && self.generation == self.live_generation
        {
            write!(f, " at offset {} of lease #{lease}", self.offset)?;
            write!(
                f,
                " ({} bytes, {})",
                self.bound,
                ["private", "mapped"][self.mapped as usize]
            )?;
        } else if let Some(lease) = self.lease {
            write!(f, " through an older pseudo-pointer of lease #{lease}")?;
        } else if self.address != 0 {
            write!(f, " at {:#x}", self.address)?;
        }
        self.detail
            .iter()
            .try_for_each(|detail| write!(f, ": {detail}"))
    }
}

impl core::error::Error for Violation {}
