//! Takes away from the process what could undo its domains: `mpk_harden.h` in Rust.
//!
//! ```standalone_crate
//! // In main, before the first foreign call and best before any other thread:
//! let report = galeed_mpk::harden(&"strict?".parse()?)?;
//! assert!(report.applied.contains(galeed_mpk::Parts::LANDLOCK));
//! assert!(std::fs::read("/etc/passwd").is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What each part does, stops and costs a program is said in `mpk_harden.h`.

use crate::Error;
use alloc::ffi::CString;
use alloc::format;
use alloc::string::{String, ToString};
use core::ffi::{CStr, c_char, c_int};
use core::fmt;
use core::ops::BitOr;
use core::str::FromStr;

mod sys {
    #![allow(non_camel_case_types)]
    use super::{c_char, c_int};

    #[repr(C)]
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct mpk_harden_policy {
        pub parts: u32,
        pub optional: u32,
    }
    #[repr(C)]
    pub struct mpk_harden_report {
        pub applied: u32,
        pub missing: u32,
        pub failed: u32,
        pub reason: [c_char; 2000],
    }
    unsafe extern "C" {
        pub fn mpk_harden_parse(text: *const c_char, out: *mut mpk_harden_policy) -> c_int;
        pub fn mpk_harden_part_name(part: u32) -> *const c_char;
        pub fn mpk_harden(
            policy: *const mpk_harden_policy,
            report: *mut mpk_harden_report,
        ) -> c_int;
        pub fn mpk_hardened() -> u32;
        pub fn mpk_harden_orphan() -> c_int;
    }
}

/// A set of parts. Displays as their names joined by commas.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Parts(u32);

impl Parts {
    /// Not dumpable, no core file.
    pub const DUMP: Self = Self(1 << 0);
    /// Domains on memory that the kernel itself cannot reach; asked for at start.
    pub const SECRETMEM: Self = Self(1 << 1);
    /// Mappings of domains can be changed by nobody.
    pub const SEAL: Self = Self(1 << 2);
    /// Nothing can be opened by name.
    pub const LANDLOCK: Self = Self(1 << 3);
    /// No system calls that make code or change keys and mappings of ours.
    pub const SYSCALLS: Self = Self(1 << 4);
    /// Signal handlers can end the process, not return.
    pub const SIGNALS: Self = Self(1 << 5);
    /// No restartable sequences; asked for at start.
    pub const RSEQ: Self = Self(1 << 6);
    /// Executable memory scanned, patched and sealed.
    pub const CODE: Self = Self(1 << 7);
    /// Foreign code is called by `call` only, inside `host_stack`; all other ways back into
    /// the host, and with them plain gates and pseudo-pointers, end the process.
    pub const STACKS: Self = Self(1 << 8);
    /// A fork's child has no domains.
    pub const FORK: Self = Self(1 << 9);
    /// No help from the kernel in reading or writing around page rights.
    pub const DEPUTY: Self = Self(1 << 10);

    /// Are all parts of `other` in here?
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// None at all?
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

const ALL: u32 = (1 << 11) - 1; // MPK_HARDEN_ALL

impl BitOr for Parts {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = (0..u32::BITS).map(|bit| self.0 & 1 << bit);
        for (at, part) in set.filter(|&part| part != 0).enumerate() {
            // SAFETY: takes any number; a name lives for ever, NULL is no part.
            let name = unsafe { sys::mpk_harden_part_name(part) };
            assert!(!name.is_null(), "a part of this build has a name");
            // SAFETY: as above.
            let name = unsafe { CStr::from_ptr(name) };
            write!(
                f,
                "{}{}",
                if at > 0 { "," } else { "" },
                name.to_string_lossy()
            )?;
        }
        Ok(())
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parts({self})")
    }
}

/// What to apply. Parsed from words as `GALEED_HARDEN` takes them: `"strict"`,
/// `"seal,code"`, `"full?"` (all of it that can be had).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy(sys::mpk_harden_policy);

impl Policy {
    /// These parts, all of them demanded.
    #[must_use]
    pub fn demand(parts: Parts) -> Self {
        Self(sys::mpk_harden_policy {
            parts: parts.0,
            optional: 0,
        })
    }

    /// The same, and these too if they can be had.
    #[must_use]
    pub fn and_optionally(self, parts: Parts) -> Self {
        let optional = self.0.optional | (parts.0 & !self.0.parts);
        Self(sys::mpk_harden_policy {
            parts: self.0.parts | parts.0,
            optional,
        })
    }
}

impl FromStr for Policy {
    type Err = Error;

    /// # Errors
    /// A word is neither a level nor a part.
    fn from_str(text: &str) -> Result<Self, Error> {
        let mut policy = sys::mpk_harden_policy::default();
        let invalid = || {
            Error::with_words(
                crate::ffi::MPK_EINVALID,
                format!(
                    "the policy is {text:?}; it may be none, basic, strict, full, or parts joined \
                     by commas ({}), with ? behind what is optional",
                    Parts(ALL).to_string().replace(',', ", ")
                ),
            )
        };
        let words = CString::new(text).map_err(|_| invalid())?;
        // SAFETY: a C string and a place for the result.
        if unsafe { sys::mpk_harden_parse(words.as_ptr(), &raw mut policy) } != 0 {
            return Err(invalid());
        }
        Ok(Self(policy))
    }
}

/// What is in force, and what is not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// In force, seen to have effect, from this call or an earlier one.
    pub applied: Parts,
    /// Optional parts that could not be had.
    pub missing: Parts,
    /// One line on what is missing or weaker than its name, and why; may be empty.
    pub reason: String,
}

/// A demanded part could not be had. Displays as one line: which, why, and what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HardenError {
    /// The part; empty when something else is wrong.
    pub failed: Parts,
    /// What holds nevertheless.
    pub report: Report,
}

impl fmt::Display for HardenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.report.reason)
    }
}

impl core::error::Error for HardenError {}

/// Applies a policy to the process, for good. Call it in host code, before foreign
/// code runs and best before there are other threads.
///
/// # Errors
/// A demanded part cannot be had here. Everything is checked before anything is
/// changed; `report.applied` says what holds.
pub fn harden(policy: &Policy) -> Result<Report, HardenError> {
    let mut raw = sys::mpk_harden_report {
        applied: 0,
        missing: 0,
        failed: 0,
        reason: [0; 2000],
    };
    // SAFETY: both are valid; the library writes the report.
    let code = unsafe { sys::mpk_harden(&raw const policy.0, &raw mut raw) };
    // SAFETY: the library ends the text within the array.
    let reason = unsafe { CStr::from_ptr(raw.reason.as_ptr()) };
    let mut reason = reason.to_string_lossy().into_owned();
    if code != 0 && reason.is_empty() {
        reason = Error::from_code(code).to_string();
    }
    let report = Report {
        applied: Parts(raw.applied),
        missing: Parts(raw.missing),
        reason,
    };
    if code == 0 {
        Ok(report)
    } else {
        Err(HardenError {
            failed: Parts(raw.failed),
            report,
        })
    }
}

/// The parts in force.
#[must_use]
pub fn hardened() -> Parts {
    // SAFETY: callable at any time.
    Parts(unsafe { sys::mpk_hardened() })
}

/// Is this the child of a fork that did not inherit the domains ([`Parts::FORK`])? It
/// may only exec or `_exit`.
#[must_use]
pub fn is_orphan() -> bool {
    // SAFETY: callable at any time; touches no memory of the domains.
    unsafe { sys::mpk_harden_orphan() != 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_words() {
        let strict: Policy = "strict".parse().expect("a level");
        assert!(Parts(strict.0.parts).contains(Parts::SEAL | Parts::CODE));
        let mixed: Policy = "fork,seal?".parse().expect("parts");
        assert_eq!(
            mixed,
            Policy::demand(Parts::FORK).and_optionally(Parts::SEAL)
        );
        assert_eq!(
            (Parts::DUMP | Parts::DEPUTY).to_string(),
            "dump,deputy".to_owned()
        );
        for wrong in ["strikt", "a\0b"] {
            let words = wrong.parse::<Policy>().expect_err("no policy").to_string();
            assert!(words.contains(&format!("{wrong:?}")) && words.contains("dump, secretmem"));
            assert!(words.contains("fork, deputy"), "{words}");
        }
        let shown = format!("{:?}", Parts::DUMP | Parts::DEPUTY);
        assert_eq!(shown, "Parts(dump,deputy)");
    }

    #[test]
    fn what_was_not_prepared_is_refused_with_the_cure() {
        let refused = harden(&Policy::demand(Parts::SECRETMEM)).expect_err("not prepared");
        assert_eq!(refused.failed, Parts::SECRETMEM);
        assert!(refused.to_string().contains("GALEED_HARDEN=secretmem"));
        assert!(!hardened().contains(Parts::SECRETMEM));
    }

    #[test]
    fn dump_is_applied() {
        let report = harden(&Policy::demand(Parts::DUMP)).expect("can be had everywhere");
        assert!(report.applied.contains(Parts::DUMP) && report.missing.is_empty());
        assert!(hardened().contains(Parts::DUMP));
    }
}
