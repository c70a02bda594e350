//! What the machine offers and what the runtime chose.

use crate::{Error, ffi};
use alloc::string::String;
use core::ffi::CStr;
use core::fmt;

/// How rights are enforced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Backend {
    /// Protection keys: per thread.
    Pku,
    /// Page protection: per process; one foreign call at a time.
    Mprotect,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pku => "pku",
            Self::Mprotect => "mprotect",
        })
    }
}

/// See [`probe`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Probe {
    /// The backend in use.
    pub backend: Backend,
    /// Why this one, in words.
    pub reason: String,
    /// Whether CPU and kernel have protection keys.
    pub pku_available: bool,
    /// Hardware keys that a further domain could still get.
    pub keys_free: u32,
}

/// Starts the runtime and says what it found.
///
/// # Errors
/// The runtime cannot start: a `GALEED_*` variable has a bad value, `pku` was
/// demanded where there is none, or the fixed address range is taken.
pub fn probe() -> Result<Probe, Error> {
    // SAFETY: no preconditions.
    Error::check(unsafe { ffi::mpk_start() })?;
    // SAFETY: the runtime is started; its strings live for ever.
    unsafe {
        Ok(Probe {
            backend: if ffi::mpk_backend() == ffi::MPK_BACKEND_PKU {
                Backend::Pku
            } else {
                Backend::Mprotect
            },
            reason: CStr::from_ptr(ffi::mpk_backend_reason())
                .to_string_lossy()
                .into_owned(),
            pku_available: ffi::mpk_pku_available() != 0,
            keys_free: u32::try_from(ffi::mpk_keys_free()).unwrap_or(0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pku_is_in_use_only_where_it_exists() {
        let probe = probe().expect("the runtime starts");
        assert!(probe.backend == Backend::Mprotect || probe.pku_available);
        assert!(!probe.reason.is_empty());
        assert!(probe.keys_free <= 15);
    }
}
