//! The search for instructions that could change rights behind a gate's back.

use core::fmt;

/// `mpk_scan.h`, declared.
mod c {
    #[repr(C)]
    #[derive(Clone, Copy)]
    pub struct mpk_scan_hit {
        pub offset: usize,
        pub gadget: u32,
        pub bytes: u32,
    }

    unsafe extern "C" {
        pub fn mpk_scan_list(
            code: *const u8,
            bytes: usize,
            from: *mut usize,
            hits: *mut mpk_scan_hit,
            room: usize,
        ) -> usize;
    }
}

/// An instruction that changes rights, or by whose register the runtime knows threads.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u32)]
pub enum Gadget {
    /// `0F 01 EF`
    Wrpkru = 1,
    /// `0F AE /5`, memory form
    Xrstor = 2,
    /// `0F C7 /3`, memory form; faults in user mode
    Xrstors = 3,
    /// `F3 0F AE /2`, register form
    Wrfsbase = 4,
    /// `F3 0F AE /3`, register form
    Wrgsbase = 5,
}

impl Gadget {
    fn from_code(code: u32) -> Option<Self> {
        [
            Self::Wrpkru,
            Self::Xrstor,
            Self::Xrstors,
            Self::Wrfsbase,
            Self::Wrgsbase,
        ]
        .into_iter()
        .find(|gadget| *gadget as u32 == code)
    }
}

impl fmt::Display for Gadget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wrpkru => "WRPKRU",
            Self::Xrstor => "XRSTOR",
            Self::Xrstors => "XRSTORS",
            Self::Wrfsbase => "WRFSBASE",
            Self::Wrgsbase => "WRGSBASE",
        })
    }
}

/// Where [`scan`] found what.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Hit {
    /// Bytes from the start of the code to the first that must be there (0F, or F3).
    pub offset: usize,
    /// What it is.
    pub gadget: Gadget,
    /// How many bytes identify it, up to its `ModRM` byte.
    pub bytes: usize,
}

/// Every gadget in `code`, at whatever offset, in order.
///
/// One whose identifying bytes are not all inside is none: hand over whole runs of
/// adjacent executable mappings.
///
/// ```
/// let hits: Vec<_> = galeed_mpk::scan(b"\xb8\x0f\x01\xef\x00").collect();
/// assert_eq!(hits[0].gadget, galeed_mpk::Gadget::Wrpkru);
/// assert_eq!(hits[0].offset, 1); // inside an immediate
/// ```
pub fn scan(code: &[u8]) -> impl Iterator<Item = Hit> + '_ {
    let mut from = 0;
    core::iter::from_fn(move || {
        if from >= code.len() {
            return None;
        }
        let mut found = c::mpk_scan_hit {
            offset: 0,
            gadget: 0,
            bytes: 0,
        };
        // SAFETY: the slice is readable for its length, and there is room for one hit.
        let count = unsafe {
            c::mpk_scan_list(code.as_ptr(), code.len(), &raw mut from, &raw mut found, 1)
        };
        if count == 0 {
            return None;
        }
        Some(Hit {
            offset: found.offset,
            gadget: Gadget::from_code(found.gadget)?,
            bytes: found.bytes as usize,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_gadget_and_nothing_that_looks_like_one() {
        let code =
            b"\x0f\x01\xef\x0f\xae\x6c\x24\x40\x0f\xc7\x1f\xf3\x48\x0f\xae\xd0\xf3\x0f\xae\xdf\
                     \x0f\xae\xe8\x0f\x01\xee\x0f\xae\xd0\x0f\x01";
        let hits: Vec<_> = scan(code)
            .map(|hit| (hit.offset, hit.gadget, hit.bytes))
            .collect();
        assert_eq!(
            hits,
            [
                (0, Gadget::Wrpkru, 3),
                (3, Gadget::Xrstor, 3),
                (8, Gadget::Xrstors, 3),
                (11, Gadget::Wrfsbase, 5),
                (16, Gadget::Wrgsbase, 4),
            ]
        );
    }

    #[test]
    fn no_code_has_no_hits() {
        assert_eq!(scan(b"").count(), 0);
    }

    #[test]
    fn names_are_those_of_the_manual() {
        assert_eq!(Gadget::Wrpkru.to_string(), "WRPKRU");
    }
}
