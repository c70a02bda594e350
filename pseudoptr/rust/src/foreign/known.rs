//! Descriptors of the language's own types.
//!
//! SAFETY of every implementation here: the reference says which bytes are values of the type, and
//! `walk::holds` and `admit::pointer` test just that.
//! Source: the Rust reference, "Type layout" and "Behavior considered undefined".

use super::{Foreign, Owns, Pointer, Shape, TypeInfo};
use alloc::boxed::Box;
use core::ffi::c_void;
use core::marker::PhantomData;
use core::num::NonZero;
use core::ptr::NonNull;
use core::sync::atomic;

const fn info<T>(name: &'static str, shape: Shape) -> TypeInfo {
    TypeInfo {
        name,
        module: "",
        bytes: size_of::<T>(),
        align: align_of::<T>(),
        shape,
    }
}

macro_rules! integers {
    ($($signed:literal: $($type:ty)*;)*) => {$($(
        // SAFETY: every byte pattern is an integer.
        unsafe impl Foreign for $type {
            const TYPE: &'static TypeInfo =
                &info::<$type>(stringify!($type), Shape::Integer { signed: $signed, nonzero: false });
        }
    )*)*};
}
integers! {
    false: u8 u16 u32 u64 u128 usize;
    true: i8 i16 i32 i64 i128 isize;
}

// Not of 128 bits: what is judged as a whole has at most 8 bytes.
macro_rules! nonzero {
    ($($signed:literal: $($type:ty)*;)*) => {$($(
        // SAFETY: every byte pattern but 0.
        unsafe impl Foreign for NonZero<$type> {
            const TYPE: &'static TypeInfo = &info::<$type>(
                concat!("NonZero<", stringify!($type), ">"),
                Shape::Integer { signed: $signed, nonzero: true },
            );
        }
        // SAFETY: the language guarantees that `None` is 0.
        unsafe impl Foreign for Option<NonZero<$type>> {
            const TYPE: &'static TypeInfo = <$type as Foreign>::TYPE;
        }
    )*)*};
}
nonzero! {
    false: u8 u16 u32 u64 usize;
    true: i8 i16 i32 i64 isize;
}

macro_rules! as_another {
    ($($type:ty: $like:ty;)*) => {$(
        // SAFETY: the standard library guarantees the same size and representation.
        unsafe impl Foreign for $type {
            const TYPE: &'static TypeInfo = &TypeInfo {
                align: align_of::<$type>(),
                ..info::<$type>(<$like as Foreign>::TYPE.name, shape_of::<$like>())
            };
        }
    )*};
}
/// The shape of a number or a bool.
const fn shape_of<T: Foreign>() -> Shape {
    match T::TYPE.shape {
        Shape::Integer { signed, nonzero } => Shape::Integer { signed, nonzero },
        _ => Shape::Bool,
    }
}
as_another! {
    atomic::AtomicBool: bool;
    atomic::AtomicU8: u8;
    atomic::AtomicU16: u16;
    atomic::AtomicU32: u32;
    atomic::AtomicU64: u64;
    atomic::AtomicUsize: usize;
    atomic::AtomicI8: i8;
    atomic::AtomicI16: i16;
    atomic::AtomicI32: i32;
    atomic::AtomicI64: i64;
    atomic::AtomicIsize: isize;
}

macro_rules! others {
    ($($type:ty: $shape:expr;)*) => {$(
        // SAFETY: see the top of this file.
        unsafe impl Foreign for $type {
            const TYPE: &'static TypeInfo = &info::<$type>(stringify!($type), $shape);
        }
    )*};
}
others! {
    f32: Shape::Float;
    f64: Shape::Float;
    bool: Shape::Bool;
    char: Shape::Char;
    (): Shape::Struct { fields: &[] };
}

// SAFETY: it has no bytes.
unsafe impl<T: ?Sized> Foreign for PhantomData<T> {
    const TYPE: &'static TypeInfo = &info::<()>("()", Shape::Struct { fields: &[] });
}

// SAFETY: elements without gaps.
unsafe impl<T: Foreign, const N: usize> Foreign for [T; N] {
    const TYPE: &'static TypeInfo = &info::<[T; N]>(
        "array",
        Shape::Array {
            element: T::TYPE,
            count: N,
        },
    );
}

// SAFETY: the type of an element, as the trait says of slices.
unsafe impl<T: Foreign> Foreign for [T] {
    const TYPE: &'static TypeInfo = T::TYPE;
}

fn type_of<T: Foreign>() -> &'static TypeInfo {
    T::TYPE
}

// SAFETY: behind a pointer alone, of which nothing is promised.
unsafe impl Foreign for c_void {
    const TYPE: &'static TypeInfo = &info::<c_void>("void", Shape::Struct { fields: &[] });
}

macro_rules! pointers {
    ($($type:ty: $name:literal $nullable:literal $owns:ident;)*) => {$(
        // SAFETY: the pointee is sized, so that it is one word; the rules are the language's.
        unsafe impl<T: Foreign> Foreign for $type {
            const TYPE: &'static TypeInfo = &info::<usize>($name, Shape::Pointer(Pointer {
                nullable: $nullable,
                owns: Owns::$owns,
                pointee: Some(type_of::<T>),
            }));
        }
    )*};
}
pointers! {
    *const T: "*const" true Nothing;
    *mut T: "*mut" true Nothing;
    NonNull<T>: "NonNull" false Nothing;
    Option<NonNull<T>>: "NonNull" true Nothing;
    &T: "&" false Shared;
    Option<&T>: "&" true Shared;
    &mut T: "&mut" false Exclusive;
    Option<&mut T>: "&mut" true Exclusive;
    Box<T>: "Box" false Allocation;
    Option<Box<T>>: "Box" true Allocation;
}
