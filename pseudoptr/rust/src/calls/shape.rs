//! What a called function does with memory, as the pass writes it down.
//!
//! Source of the shapes: llvm_pass/libc. They are foreign memory: nothing is trusted.

use core::ffi::c_char;

/// What decides how many bytes a called function touches behind a pointer.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(non_camel_case_types, missing_docs)]
pub enum Extent {
    /// No memory: passes as it is.
    GALEED_OPAQUE,
    /// unit bytes, times the arguments `first` and `second` where given.
    GALEED_BYTES,
    /// To the NUL of `unit` bytes, at most as many elements as argument `first` says.
    GALEED_STRING,
    /// As many bytes as the string at argument `first` has with its NUL, of which at
    /// most argument `second` characters are copied.
    GALEED_COPIED,
    /// The same, behind the string that is there.
    GALEED_APPENDED,
    /// To the byte that argument `first` is, at most argument `second` bytes.
    GALEED_FOUND,
    /// A pointer that is made to point into argument `first`.
    GALEED_END,
    /// What printf's format (argument `first`) makes, at most argument `second` bytes.
    GALEED_PRINTED,
    /// printf's format; the arguments follow the fixed ones.
    GALEED_FORMAT,
    /// The va_list of the format that argument `first` is.
    GALEED_LIST,
    /// scanf's format; the arguments follow the fixed ones. `first`: the string scanned.
    GALEED_SCAN,
    /// The va_list of such a format.
    GALEED_SCAN_LIST,
    /// A pointer that moves: over the bytes behind argument `first`, or over a string. When
    /// argument `second` is not null, it is only written, as GALEED_END of that one.
    GALEED_CURSOR,
    /// As many struct iovec as argument `first` says.
    GALEED_VECTOR,
    /// All that the lease holds from there on, as it was lent.
    GALEED_REST,
    /// Memory that the function frees: never lent memory.
    GALEED_FREED,
}
use Extent::*;

pub(super) const EXTENTS: [Extent; 16] = [
    GALEED_OPAQUE,
    GALEED_BYTES,
    GALEED_STRING,
    GALEED_COPIED,
    GALEED_APPENDED,
    GALEED_FOUND,
    GALEED_END,
    GALEED_PRINTED,
    GALEED_FORMAT,
    GALEED_LIST,
    GALEED_SCAN,
    GALEED_SCAN_LIST,
    GALEED_CURSOR,
    GALEED_VECTOR,
    GALEED_REST,
    GALEED_FREED,
];

/// No argument. Also of struct galeed_shape's result.
pub const GALEED_NO_ARGUMENT: u8 = 255;

/// Of struct galeed_shape's result: it may point into the memory of any argument.
pub(crate) const ANY_ARGUMENT: u8 = 254;

/// What a function does with one argument.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Use {
    /// enum galeed_extent.
    pub extent: u8,
    /// 1: written (and read); 0: only read.
    pub writes: u8,
    /// Number of an argument, or GALEED_NO_ARGUMENT.
    pub first: u8,
    /// Another.
    pub second: u8,
    /// Bytes of an element.
    pub unit: u32,
}

/// What a called function does with memory. The uses follow: struct galeed_use, one a
/// fixed argument.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Shape {
    /// The function's name, a string.
    pub name: *const c_char,
    /// Fixed arguments.
    pub fixed: u8,
    /// The result points into the memory of this argument, or GALEED_NO_ARGUMENT.
    pub result: u8,
    /// Eightbytes of the arguments behind the fixed ones, laid out as on the stack.
    pub slots: u16,
    /// Zero.
    pub reserved: u32,
}
