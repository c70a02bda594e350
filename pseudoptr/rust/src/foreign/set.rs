//! Types for one header.

use super::{Foreign, TypeInfo};
use alloc::vec;
use alloc::vec::Vec;

/// A type that derives [`Foreign`], or a tuple of up to twelve.
pub trait ForeignSet {
    /// Their descriptors, in order.
    fn types() -> Vec<&'static TypeInfo>;
}

impl<T: Foreign> ForeignSet for T {
    fn types() -> Vec<&'static TypeInfo> {
        vec![T::TYPE]
    }
}

macro_rules! tuples {
    ($($name:ident)*) => {
        impl<$($name: Foreign),*> ForeignSet for ($($name,)*) {
            fn types() -> Vec<&'static TypeInfo> {
                vec![$($name::TYPE),*]
            }
        }
    };
}
tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);
tuples!(A B C D E F G H I);
tuples!(A B C D E F G H I J);
tuples!(A B C D E F G H I J K);
tuples!(A B C D E F G H I J K L);
