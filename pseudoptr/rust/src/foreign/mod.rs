//! What foreign code may make of a Rust type: descriptors, made at compile time.
//!
//! `#[derive(Foreign)]` describes a type by its fields: where they lie, which values they may have,
//! which of them foreign code may see. A *typed* lease ([`lend_typed_mut`](crate::lend_typed_mut))
//! is checked against that at each access; see docs/typed-leases.md.
//!
//! ASSUMES: descriptors are constants without interior mutability, in memory that the dynamic
//! linker closes to writing before `main`. Foreign code cannot change them without a system call.

mod accessors;
pub(crate) mod admit;
mod header;
mod known;
pub(crate) mod lease;
pub(crate) mod moves;
#[cfg(test)]
mod property;
mod same;
mod set;
#[cfg(test)]
mod tests;
pub(crate) mod walk;

pub use header::{HeaderError, header};
pub use set::ForeignSet;

/// A type that foreign code can be lent by its fields.
///
/// Derive it. Layout is fixed by `#[repr(C)]`, `#[repr(transparent)]` or, for enums without
/// fields, a primitive; fields may be integers, floats, `bool`, `char`, `NonZero`, atomics, raw
/// pointers, `NonNull`, references and `Box` (these in `Option`, too), arrays, and types that
/// derive it as well. `#[foreign(...)]` on a field adds rules:
///
/// - `range = 1..=100`: an integer's values; any constant expressions, either may be left out.
/// - `read_only`: foreign code may not write it.
/// - `hidden`: foreign code can neither read nor write it; of any type.
///
/// ```
/// # #[global_allocator] static HEAP: galeed::Heap = galeed::Heap;
/// #[derive(galeed::Foreign)]
/// #[repr(C)]
/// struct Config {
///     #[foreign(range = 1..=100)]
///     percent: u32,
///     verbose: bool,
///     #[foreign(read_only)]
///     version: u16,
///     #[foreign(hidden)]
///     secret: String,
/// }
///
/// let mut config = Config { percent: 50, verbose: false, version: 3, secret: "x".into() };
/// let lent = galeed::lend_typed_mut(&mut config)?;
/// let pseudo = lent.handle(); // for a C function
/// assert_eq!(galeed::check(pseudo, 4, galeed::Access::Write)?, Ok(()));
/// assert_eq!(galeed::check(pseudo + 6, 2, galeed::Access::Write)?, Err(galeed::Kind::Rights));
/// # Ok::<(), galeed::Error>(())
/// ```
///
/// # Safety
/// `TYPE` tells the truth: size, alignment and offsets are those of `Self` (of an element, for a
/// slice), and every byte pattern that its rules let pass is a value of `Self`.
#[diagnostic::on_unimplemented(
    message = "foreign code cannot write a `{Self}` and have it checked",
    label = "no `galeed::Foreign` for this type",
    note = "derive it for your own types; hide a field of any other type with `#[foreign(hidden)]`"
)]
pub unsafe trait Foreign {
    /// What foreign code may make of it.
    const TYPE: &'static TypeInfo;
}

/// A type's descriptor.
#[derive(Debug)]
pub struct TypeInfo {
    /// Its name, without the path.
    pub name: &'static str,
    /// The module where it was derived; empty: one that the language has.
    pub module: &'static str,
    /// Its size.
    pub bytes: usize,
    /// Its alignment.
    pub align: usize,
    /// What it is made of.
    pub shape: Shape,
}

/// What a type is made of.
#[derive(Debug)]
pub enum Shape {
    /// An integer, without 0 when `nonzero`.
    Integer {
        /// Has it a sign?
        signed: bool,
        /// Is 0 none of its values?
        nonzero: bool,
    },
    /// Any bytes are a float.
    Float,
    /// 0 or 1.
    Bool,
    /// A Unicode scalar value.
    Char,
    /// One of these.
    Enum {
        /// All its variants.
        values: &'static [Value],
    },
    /// A pointer of any kind.
    Pointer(Pointer),
    /// Fields.
    Struct {
        /// In the order of the source.
        fields: &'static [Field],
    },
    /// `count` times the same.
    Array {
        /// What it is an array of.
        element: &'static TypeInfo,
        /// How many.
        count: usize,
    },
}

/// A variant of an enum without fields.
#[derive(Debug)]
pub struct Value {
    /// Its name.
    pub name: &'static str,
    /// Its discriminant.
    pub value: i128,
}

/// A pointer's rules.
#[derive(Clone, Copy, Debug)]
pub struct Pointer {
    /// May it be null?
    pub nullable: bool,
    /// What it promises of what it points to.
    pub owns: Owns,
    /// What it points to, when that is described. A function: types may point to themselves.
    pub pointee: Option<fn() -> &'static TypeInfo>,
}

/// What a pointer promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owns {
    /// `*const T`, `*mut T`, `NonNull<T>`: nothing.
    Nothing,
    /// `&T`: a live T.
    Shared,
    /// `&mut T`: a live T that may be written.
    Exclusive,
    /// `Box<T>`: an allocation of the heap that holds a T and nothing else.
    Allocation,
}

/// A field's descriptor.
#[derive(Debug)]
pub struct Field {
    /// Its name; an index in a tuple struct.
    pub name: &'static str,
    /// From the first byte of the struct.
    pub offset: usize,
    /// Its size.
    pub bytes: usize,
    /// Its type; `None` when it is hidden.
    pub info: Option<&'static TypeInfo>,
    /// What foreign code may do with it.
    pub visible: Visible,
    /// Its values, when not all of its type.
    pub range: Option<Range>,
}

/// What foreign code may do with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Visible {
    /// Read and write it.
    ReadWrite,
    /// Read it.
    ReadOnly,
    /// Nothing.
    Hidden,
}

/// Values of an integer; both bounds are in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The least.
    pub low: i128,
    /// The greatest.
    pub high: i128,
}

impl TypeInfo {
    /// Checks what the derive cannot know, when the program is compiled.
    ///
    /// # Panics
    /// A range that is empty or has values that the type has not, or that is on no integer of at
    /// most 8 bytes.
    pub const fn check(&self) {
        let Shape::Struct { fields } = &self.shape else {
            return;
        };
        let mut at = 0;
        while at < fields.len() {
            if let (Some(range), Some(info)) = (&fields[at].range, fields[at].info) {
                info.check_range(range);
            }
            at += 1;
        }
    }

    const fn check_range(&self, range: &Range) {
        let Shape::Integer { signed, .. } = self.shape else {
            panic!("#[foreign(range)] is for integers");
        };
        assert!(
            self.bytes <= 8,
            "#[foreign(range)] is for integers of at most 8 bytes"
        );
        assert!(range.low <= range.high, "#[foreign(range)]: it is empty");
        let bits = 8 * self.bytes as u32;
        let (least, greatest) = if signed {
            (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1)
        } else {
            (0, (1i128 << bits) - 1)
        };
        assert!(
            (range.low == i128::MIN || range.low >= least)
                && (range.high == i128::MAX || range.high <= greatest),
            "#[foreign(range)]: the type has not all of these values"
        );
    }
}
