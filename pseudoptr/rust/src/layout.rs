//! How a handle is laid out, and where the table lies: every constant, once.
//!
//! ```text
//! 63 62 | 61 .. 42 | 41 ..................... 0
//!  1  0 |  index   | generation | offset
//! ```
//!
//! Invariant: a handle is non-canonical under every paging mode, and under linear
//! address masking, which leaves addresses with bit 63 alone (its top bits are
//! `10`), so an access that nobody checked traps instead of reaching memory.
//! Below it no user address has bit 63: "may it be a handle?" is a test of the sign.
//! How the low 42 bits are split depends on the index alone, so a handle can be
//! taken apart without asking anybody.
//!
//! The offset of an object's first byte is a bias plus the low 12 bits of its
//! address: alignment tricks in C stay true, and a pointer that strays a little
//! before or after the object keeps its generation, and so its diagnosis.
//!
//! Attacker: may make any 64 bits. Nothing here is secret.
//!
//! Source: \[SDM 1 §3.3.7.1\] canonical addresses; \[Galeed\] for the idea.

use crate::sys::MPK_PUBLISHED_USER;

/// First byte of the table, indexed by `pointer >> GALEED_INDEX_SHIFT` for every
/// pointer, handle or not. Equals MPK_PUBLISHED_USER.
pub const GALEED_TABLE: u64 = 0x2010_1000_0000;
/// What a pointer is shifted by to find its entry.
pub const GALEED_INDEX_SHIFT: u32 = 42;
/// Bits of a handle's index.
pub const GALEED_INDEX_BITS: u32 = 20;
/// Entries of the table: 1 << (64 - GALEED_INDEX_SHIFT).
pub const GALEED_TABLE_ENTRIES: u64 = 4194304;
/// Bytes of one struct galeed_entry.
pub const GALEED_ENTRY_BYTES: u64 = 32;
/// Where the tag begins.
pub const GALEED_TAG_SHIFT: u32 = 62;
/// A handle has pointer >> GALEED_TAG_SHIFT == GALEED_TAG.
pub const GALEED_TAG: u64 = 2;
/// First index of the medium class; the small one begins at 0.
pub const GALEED_MEDIUM_FIRST: u32 = 978944;
/// First index of the large class, which goes up to 1 << GALEED_INDEX_BITS.
pub const GALEED_LARGE_FIRST: u32 = 1044480;
/// Offset bits of the small class. In each class the bias is a quarter and the
/// longest object a half of 1 << offset bits, and the generation has the bits
/// up to GALEED_INDEX_SHIFT.
pub const GALEED_SMALL_OFFSET_BITS: u32 = 20;
/// Offset bits of the medium class.
pub const GALEED_MEDIUM_OFFSET_BITS: u32 = 30;
/// Offset bits of the large class.
pub const GALEED_LARGE_OFFSET_BITS: u32 = 38;
/// A uint64_t in the published range: where the host's code begins.
pub const GALEED_TEXT_BASE: u64 = 0x2010_1800_0000;
/// A uint64_t beside it: how long it is; 0 until the first gate.
pub const GALEED_TEXT_BYTES: u64 = 0x2010_1800_0008;

/// Number of indices that handles have.
pub(crate) const INDICES: u32 = 1 << GALEED_INDEX_BITS;
/// Addresses of user space: entries of the table that stand for raw pointers.
pub(crate) const USER_ADDRESS_BITS: u32 = 47;
const PAGE_MASK: u64 = (1 << 12) - 1;

const _: () = {
    assert!(GALEED_TABLE == MPK_PUBLISHED_USER as u64);
    assert!(GALEED_TABLE_ENTRIES == 1 << (64 - GALEED_INDEX_SHIFT));
    assert!(GALEED_INDEX_SHIFT + GALEED_INDEX_BITS == GALEED_TAG_SHIFT);
    assert!(GALEED_TABLE + GALEED_TABLE_ENTRIES * GALEED_ENTRY_BYTES <= GALEED_TEXT_BASE);
    assert!(GALEED_TEXT_BYTES == GALEED_TEXT_BASE + 8);
    assert!(GALEED_MEDIUM_FIRST < GALEED_LARGE_FIRST && GALEED_LARGE_FIRST < INDICES);
    // The first byte and one past the last byte of the longest object keep
    // their generation wherever in a page the object begins.
    let mut at = 0;
    while at < Class::ALL.len() {
        let class = Class::ALL[at];
        assert!(class.bias() + PAGE_MASK + class.longest() < 1 << class.offset_bits());
        at += 1;
    }
};

/// The three ways to split the low bits, by how long an object may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Up to half a mebibyte: nearly every object. When no index is left, such objects take
    /// medium ones: 1,044,480 in all.
    Small = 0,
    /// Up to half a gibibyte.
    Medium = 1,
    /// Up to 128 GiB, more than a domain holds.
    Large = 2,
}

impl Class {
    pub(crate) const ALL: [Class; 3] = [Class::Small, Class::Medium, Class::Large];

    /// The class of an index below `1 << GALEED_INDEX_BITS`.
    #[must_use]
    pub const fn of_index(index: u32) -> Class {
        if index < GALEED_MEDIUM_FIRST {
            Class::Small
        } else if index < GALEED_LARGE_FIRST {
            Class::Medium
        } else {
            Class::Large
        }
    }

    /// The class with the most generations that can hold an object of `bytes`.
    #[must_use]
    pub const fn for_length(bytes: u64) -> Option<Class> {
        let mut at = 0;
        while at < Class::ALL.len() {
            if bytes <= Class::ALL[at].longest() {
                return Some(Class::ALL[at]);
            }
            at += 1;
        }
        None
    }

    /// First index of the class, and one past its last.
    #[must_use]
    pub const fn indices(self) -> (u32, u32) {
        match self {
            Class::Small => (0, GALEED_MEDIUM_FIRST),
            Class::Medium => (GALEED_MEDIUM_FIRST, GALEED_LARGE_FIRST),
            Class::Large => (GALEED_LARGE_FIRST, INDICES),
        }
    }

    /// Width of the offset field.
    #[must_use]
    pub const fn offset_bits(self) -> u32 {
        match self {
            Class::Small => GALEED_SMALL_OFFSET_BITS,
            Class::Medium => GALEED_MEDIUM_OFFSET_BITS,
            Class::Large => GALEED_LARGE_OFFSET_BITS,
        }
    }

    /// The highest generation; after it an index is never used again.
    #[must_use]
    pub const fn last_generation(self) -> u32 {
        (1 << (GALEED_INDEX_SHIFT - self.offset_bits())) - 1
    }

    /// What the offset field of a page-aligned object's first byte holds.
    #[must_use]
    pub const fn bias(self) -> u64 {
        1 << (self.offset_bits() - 2)
    }

    /// The most bytes that an object may have.
    #[must_use]
    pub const fn longest(self) -> u64 {
        1 << (self.offset_bits() - 1)
    }
}

/// Does the pointer carry the tag?
#[inline(always)]
#[must_use]
pub const fn is_handle(pointer: u64) -> bool {
    pointer >> GALEED_TAG_SHIFT == GALEED_TAG
}

/// The handle of the first byte of an object at `address`.
#[must_use]
pub const fn encode(index: u32, generation: u32, address: u64) -> u64 {
    let class = Class::of_index(index);
    debug_assert!(index < INDICES && generation <= class.last_generation());
    GALEED_TAG << GALEED_TAG_SHIFT
        | (index as u64) << GALEED_INDEX_SHIFT
        | (generation as u64) << class.offset_bits()
        | (class.bias() + (address & PAGE_MASK))
}

/// The index that a handle names. pre: it carries the tag.
#[inline(always)]
#[must_use]
pub const fn index_of(handle: u64) -> u32 {
    (handle >> GALEED_INDEX_SHIFT) as u32 & (INDICES - 1)
}

/// The generation that a handle names. pre: it carries the tag.
#[must_use]
pub const fn generation_of(handle: u64) -> u32 {
    let class = Class::of_index(index_of(handle));
    (handle >> class.offset_bits()) as u32 & class.last_generation()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_back_from_every_class_and_its_edges() {
        for class in Class::ALL {
            let (first, end) = class.indices();
            for index in [first, (first + end) / 2, end - 1] {
                for generation in [0, 1, class.last_generation()] {
                    for address in [0x7f00_0000_0000, 0x2000_0000_0fff] {
                        let handle = encode(index, generation, address);
                        for at in [handle, handle + class.longest(), handle - class.bias()] {
                            assert!(is_handle(at));
                            assert_eq!(index_of(at), index);
                            assert_eq!(generation_of(at), generation);
                        }
                        assert_eq!(handle & PAGE_MASK, address & PAGE_MASK);
                        assert_eq!(Class::of_index(index), class);
                    }
                }
            }
        }
    }

    #[test]
    fn lengths_choose_the_class_that_holds_them() {
        for class in Class::ALL {
            assert_eq!(Class::for_length(class.longest()), Some(class));
            let longer = Class::for_length(class.longest() + 1);
            assert_ne!(longer, Some(class));
        }
        assert_eq!(Class::for_length(0), Some(Class::Small));
        assert_eq!(Class::for_length(u64::MAX), None);
    }

    #[test]
    fn canonical_addresses_are_no_handles() {
        for pointer in [
            0,
            1,
            u64::MAX,
            1 << 62,
            0x7fff_ffff_ffff,
            0xffff_8000_0000_0000,
        ] {
            assert!(!is_handle(pointer), "{pointer:#x}");
        }
    }
}
