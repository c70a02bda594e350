//! `#[galeed::foreign]`: a wrapper for each function of the block.

use crate::is_pointer;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{
    Attribute, Error, Expr, FnArg, ForeignItem, ForeignItemFn, ItemForeignMod, Result, ReturnType,
    Type,
};

/// A shape numbers its words with less than this.
const MOST_WORDS: u8 = 250;

/// What the function touches behind a pointer.
enum Extent {
    Bytes(Expr),
    String,
    Opaque,
    Rest,
}

pub(crate) fn gated(block: ItemForeignMod) -> Result<TokenStream> {
    let (abi, unsafety, attributes) = (&block.abi, block.unsafety, &block.attrs);
    let spoken = abi.name.as_ref().map(syn::LitStr::value);
    if !matches!(spoken.as_deref(), None | Some("C" | "C-unwind")) {
        return Err(Error::new_spanned(abi, "a gate has C's calling convention"));
    }
    let (mut wrappers, mut rest) = (Vec::new(), Vec::new());
    for item in block.items {
        match item {
            ForeignItem::Fn(function) => wrappers.push(wrapper(function)?),
            ForeignItem::Static(item) => rest.push(item),
            other => return Err(Error::new_spanned(other, "no gate is known for this")),
        }
    }
    Ok(quote! {
        #(#attributes)* #unsafety #abi { #(#rest)* }
        #(#wrappers)*
    })
}

fn wrapper(mut function: ForeignItemFn) -> Result<TokenStream> {
    let signature = &mut function.sig;
    if let Some(variadic) = &signature.variadic {
        let why = "a variadic function has no gate: nobody can say what its arguments are";
        return Err(Error::new_spanned(variadic, why));
    }
    let (mut declared, mut passed) = (Vec::new(), Vec::new());
    let (mut words, mut pointers) = (Vec::new(), Vec::new());
    for (number, input) in signature.inputs.iter_mut().enumerate() {
        let FnArg::Typed(input) = input else {
            return Err(Error::new_spanned(input, "C has no methods"));
        };
        let name = match &*input.pat {
            syn::Pat::Ident(name) => name.ident.clone(),
            _ => format_ident!("argument{number}"),
        };
        *input.pat = syn::parse_quote!(#name);
        let extent = extent(&mut input.attrs, &input.ty)?;
        let kind = &input.ty;
        declared.push(quote!(#name: #kind));
        if let Some(extent) = extent {
            let word = words.len();
            words.push(quote!(#name as usize as u64));
            passed.push(quote!(__words[#word] as usize as #kind));
            pointers.push((extent, writes(kind)));
        } else {
            passed.push(quote!(#name));
        }
    }
    // Lengths follow the pointers, as arguments that have none.
    let (lent, mut uses, mut opaque) = (words.len(), Vec::new(), Vec::new());
    for (extent, writes) in pointers {
        uses.push(match extent {
            Extent::Bytes(bytes) => {
                let length = u8::try_from(words.len())
                    .ok()
                    .filter(|length| *length < MOST_WORDS)
                    .ok_or_else(|| Error::new_spanned(&signature.ident, "too many arguments"))?;
                words.push(quote!((#bytes) as u64));
                opaque.push(quote!(::galeed::__gates::opaque()));
                quote!(::galeed::__gates::bytes(#length, #writes))
            }
            Extent::String => quote!(::galeed::__gates::string(#writes)),
            Extent::Opaque => quote!(::galeed::__gates::opaque()),
            Extent::Rest => quote!(::galeed::__gates::rest()),
        });
    }
    uses.extend(opaque);
    let (name, output, visibility, inputs) = (
        &signature.ident,
        &signature.output,
        &function.vis,
        &signature.inputs,
    );
    let symbol = symbol(&function.attrs).unwrap_or_else(|| name.to_string());
    let (count, pointer) = (
        words.len(),
        matches!(output, ReturnType::Type(_, kind) if is_pointer(kind)),
    );
    let (gate, word, result) = match output {
        ReturnType::Type(_, kind) if pointer => (
            quote!(call_pointer),
            quote!(as usize as u64),
            quote!(as usize as #kind),
        ),
        _ => (quote!(call), quote!(), quote!()),
    };
    let kept = function
        .attrs
        .iter()
        .filter(|each| !each.path().is_ident("link_name"));
    Ok(quote! {
        #(#kept)*
        #[allow(clippy::too_many_arguments)]
        #visibility unsafe fn #name(#inputs) #output {
            unsafe extern "C-unwind" {
                #[link_name = #symbol]
                fn __foreign(#(#declared),*) #output;
            }
            static SHAPE: ::galeed::__gates::Described<#count> =
                ::galeed::__gates::Described::new(concat!(#symbol, "\0"), #pointer, [#(#uses),*]);
            let __words = [#(#words),*];
            // SAFETY: what the caller promises of the foreign function.
            unsafe {
                ::galeed::__gates::#gate(&SHAPE, #lent, __words, move |__words: &[u64; #count]| {
                    let _ = __words;
                    __foreign(#(#passed),*) #word
                }) #result
            }
        }
    })
}

/// Its name for the linker, where that is another.
fn symbol(attributes: &[Attribute]) -> Option<String> {
    let linked = attributes
        .iter()
        .find(|each| each.path().is_ident("link_name"))?;
    match &linked.meta.require_name_value().ok()?.value {
        Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Str(text),
            ..
        }) => Some(text.value()),
        _ => None,
    }
}

/// Takes the attribute `lend` away, and says what it means; None where nothing crosses.
fn extent(attributes: &mut Vec<Attribute>, kind: &Type) -> Result<Option<Extent>> {
    let mut found = None;
    let (own, others) = std::mem::take(attributes)
        .into_iter()
        .partition(|each| each.path().is_ident("lend"));
    *attributes = others;
    for attribute in Vec::<Attribute>::into_iter(own) {
        if found.is_some() {
            return Err(Error::new_spanned(attribute, "one `lend` an argument"));
        }
        if !is_pointer(kind) {
            let why = "only what is written as a raw pointer can be lent";
            return Err(Error::new_spanned(attribute, why));
        }
        attribute.parse_nested_meta(|meta| {
            found = Some(if meta.path.is_ident("nul") {
                Extent::String
            } else if meta.path.is_ident("opaque") {
                Extent::Opaque
            } else if meta.path.is_ident("bytes") {
                let value: Expr = meta.value()?.parse()?;
                Extent::Bytes(match &value {
                    Expr::Lit(syn::ExprLit {
                        lit: syn::Lit::Str(text),
                        ..
                    }) => text.parse()?,
                    _ => value,
                })
            } else {
                return Err(meta.error("there are `bytes = EXPRESSION`, `nul` and `opaque`"));
            });
            Ok(())
        })?;
    }
    Ok(found.or_else(|| is_pointer(kind).then_some(Extent::Rest)))
}

/// May the function write behind this pointer?
fn writes(kind: &Type) -> bool {
    match kind {
        Type::Ptr(pointer) => pointer.mutability.is_some(),
        Type::Paren(inner) => writes(&inner.elem),
        Type::Group(inner) => writes(&inner.elem),
        _ => false,
    }
}
