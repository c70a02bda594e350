//! Errors of the runtime, with its own words for them.

use crate::ffi;
use alloc::string::String;
use core::ffi::{CStr, c_int};
use core::fmt;

/// What a function of the runtime refused, and why. Displays as one line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    code: c_int,
    // Kept, because the runtime's explanation of a failed start is one buffer.
    message: String,
}

impl Error {
    /// The error for a code of `enum mpk_error`.
    #[must_use]
    pub fn from_code(code: c_int) -> Self {
        // SAFETY: takes any number and returns a string that is never NULL.
        let text = unsafe { CStr::from_ptr(ffi::mpk_strerror(code)) };
        Self {
            code,
            message: text.to_string_lossy().into_owned(),
        }
    }

    /// The error for a code, in words that say more than the code alone.
    pub(crate) fn with_words(code: c_int, message: String) -> Self {
        Self { code, message }
    }

    /// `Ok` for 0.
    pub(crate) fn check(code: c_int) -> Result<(), Self> {
        if code == 0 {
            Ok(())
        } else {
            Err(Self::from_code(code))
        }
    }

    /// The number, one of `ffi::MPK_E*`.
    #[must_use]
    pub fn code(&self) -> c_int {
        self.code
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl core::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_one_line() {
        for code in -13..=-1 {
            let line = Error::from_code(code).to_string();
            assert!(!line.is_empty() && !line.contains('\n'), "{code}: {line:?}");
            assert_ne!(line, Error::from_code(-99).to_string(), "{code}");
        }
    }
}
