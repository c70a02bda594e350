//! `#[galeed::export]`: the function inside one that is its gate.

use crate::is_pointer;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Error, FnArg, ItemFn, Result, ReturnType};

pub(crate) fn exported(mut function: ItemFn) -> Result<TokenStream> {
    let signature = &mut function.sig;
    let abi = signature.abi.take();
    let spoken = abi
        .as_ref()
        .and_then(|abi| abi.name.as_ref())
        .map(syn::LitStr::value);
    let plain = !matches!(spoken.as_deref(), Some(other) if other != "C" && other != "C-unwind");
    if !plain {
        return Err(Error::new_spanned(
            abi,
            "an exported function has C's calling convention",
        ));
    }
    if let Some(asyncness) = signature.asyncness {
        return Err(Error::new_spanned(
            asyncness,
            "a gate is not held across .await",
        ));
    }
    if !signature.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &signature.generics,
            "C calls no generic function",
        ));
    }
    if let Some(variadic) = &signature.variadic {
        return Err(Error::new_spanned(
            variadic,
            "a variadic function cannot be exported",
        ));
    }
    let (mut parameters, mut names, mut inward) = (Vec::new(), Vec::new(), Vec::new());
    for (number, input) in signature.inputs.iter().enumerate() {
        let FnArg::Typed(input) = input else {
            return Err(Error::new_spanned(input, "C calls no method"));
        };
        let (name, kind) = (format_ident!("argument{number}"), &input.ty);
        parameters.push(quote!(#name: #kind));
        if is_pointer(kind) {
            inward.push(
                quote!(let #name = ::galeed::__gates::inward(#name as usize as u64) as #kind;),
            );
        }
        names.push(name);
    }
    let (name, result, own) = (&signature.ident, &signature.output, &function.attrs);
    let returned = match result {
        ReturnType::Type(_, kind) if is_pointer(kind) => {
            quote!(if foreign { ::galeed::__gates::outward(result as usize as u64) as #kind } else { result })
        }
        _ => quote!(result),
    };
    let (unsafety, visibility) = (signature.unsafety, &function.vis);
    let text = name.to_string();
    let named = own
        .iter()
        .any(|each| quote!(#each).to_string().contains("export_name"));
    let symbol = (!named).then(|| quote!(#[unsafe(no_mangle)]));
    let (inputs, block) = (&signature.inputs, &function.block);
    Ok(quote! {
        #(#own)*
        #symbol
        #visibility #unsafety extern "C-unwind" fn #name(#(#parameters),*) #result {
            #[inline]
            #unsafety fn function(#inputs) #result #block
            ::galeed::__gates::exported(#text, move |foreign| {
                let _ = foreign;
                #(#inward)*
                // SAFETY: what the caller of the exported function promises.
                #[allow(unused_unsafe)]
                let result = unsafe { function(#(#names),*) };
                #returned
            })
        }
    })
}
