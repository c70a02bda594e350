//! `#[derive(Foreign)]`: see `galeed::Foreign`, whose documentation says what it means.
//!
//! Invariant: what cannot be described truly does not compile. The descriptor takes offsets and
//! sizes from the compiler; only names and rules come from the source.

mod attributes;
mod expand;

use proc_macro::TokenStream;

/// Implements `galeed::Foreign` for a struct or a fieldless enum whose layout is fixed by
/// `#[repr(C)]`, `#[repr(transparent)]` or a primitive.
#[proc_macro_derive(Foreign, attributes(foreign))]
pub fn foreign(item: TokenStream) -> TokenStream {
    let item = syn::parse_macro_input!(item as syn::DeriveInput);
    expand::expand(&item)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
