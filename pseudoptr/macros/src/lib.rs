//! What galeed re-exports: `#[derive(Foreign)]`, and gates that rustc compiles where no pass does,
//! `#[galeed::foreign]` and `#[galeed::export]`.
//!
//! Invariant: what cannot be described truly does not compile. A descriptor takes offsets and
//! sizes from the compiler; only names and rules come from the source. Gates call
//! `galeed::__gates`, which does the work; which pointers cross is taken from how the types are
//! written, `*const T` and `*mut T`: a macro sees no further.

mod derive;
mod derive_rules;
mod export;
mod foreign_block;

use proc_macro::TokenStream;
use syn::parse_macro_input;

/// Implements `galeed::Foreign` for a struct or a fieldless enum whose layout is fixed by
/// `#[repr(C)]`, `#[repr(transparent)]` or a primitive.
#[proc_macro_derive(Foreign, attributes(foreign))]
pub fn derive_foreign(item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as syn::DeriveInput);
    written(derive::expand(&item))
}

/// Gates for the functions of an extern block, whose library is prebuilt: nobody rewrites it.
///
/// Each function gets a wrapper of the same name that lends its raw pointers, closes the domain,
/// calls, opens it again and takes the result back. Such a library needs addresses that it can
/// use: of mapped memory it gets the memory's own, of private memory a copy, which comes home
/// afterwards behind a `*mut`. What it may touch says an attribute of the argument:
///
/// - `#[lend(bytes = 4 * count)]`: so many bytes, by any expression of the arguments;
/// - `#[lend(nul)]`: to the NUL of a string;
/// - `#[lend(opaque)]`: nothing: it only hands the pointer back, like a callback's user data;
/// - none: all that was lent from there on.
///
/// What does not fit the lease is a violation before the call is made. Function pointers pass as
/// they are: give those of `galeed::export` functions and of `galeed::callback!`, which have
/// their own gates. Variadic functions are refused; statics stay as they are.
#[proc_macro_attribute]
pub fn foreign(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let block = parse_macro_input!(item as syn::ItemForeignMod);
    written(nothing(&arguments).and_then(|()| foreign_block::gated(block)))
}

/// Makes a Rust function callable from C by its name, from rewritten C, plain C and prebuilt
/// libraries, directly or by pointer.
///
/// Called from foreign code, it opens the domain first; raw pointers are turned back on the way
/// in, a result lent on the way out. A panic goes on behind the gate of the foreign call (see
/// `galeed::callback!`); where there is no gate, it ends the process.
#[proc_macro_attribute]
pub fn export(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let function = parse_macro_input!(item as syn::ItemFn);
    written(nothing(&arguments).and_then(|()| export::exported(function)))
}

fn nothing(arguments: &TokenStream) -> syn::Result<()> {
    if arguments.is_empty() {
        return Ok(());
    }
    let here = proc_macro2::Span::call_site();
    Err(syn::Error::new(here, "this attribute takes no arguments"))
}

fn written(tokens: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    tokens
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}

/// Is it written as a raw pointer?
fn is_pointer(kind: &syn::Type) -> bool {
    match kind {
        syn::Type::Ptr(_) => true,
        syn::Type::Paren(inner) => is_pointer(&inner.elem),
        syn::Type::Group(inner) => is_pointer(&inner.elem),
        _ => false,
    }
}
