//! From the type to its implementation.

use crate::derive_rules::{FieldRules, Range, field_rules, no_rules, repr};
use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DataEnum, DataStruct, DeriveInput, Error, Fields, GenericParam, Result};

pub(crate) fn expand(item: &DeriveInput) -> Result<TokenStream> {
    no_rules(&item.attrs)?;
    for parameter in &item.generics.params {
        if !matches!(parameter, GenericParam::Lifetime(_)) {
            let why = "foreign code needs one layout: a type with parameters has many";
            return Err(Error::new(parameter.span(), why));
        }
    }
    let shape = match &item.data {
        Data::Struct(data) => structure(item, data)?,
        Data::Enum(data) => enumeration(item, data)?,
        Data::Union(data) => {
            let why = "a union does not say which of its fields it holds: nothing could be checked";
            return Err(Error::new(data.union_token.span, why));
        }
    };
    let (name, label) = (&item.ident, item.ident.unraw().to_string());
    let (generics, arguments, bounds) = item.generics.split_for_impl();
    let fixed = item.generics.lifetimes().map(|_| quote!('static));
    Ok(quote! {
        #[automatically_derived]
        // SAFETY: offsets and sizes are the compiler's, the layout is fixed by repr, and each
        // field that foreign code can write is described by its own type.
        unsafe impl #generics ::galeed::Foreign for #name #arguments #bounds {
            const TYPE: &'static ::galeed::foreign::TypeInfo = &::galeed::foreign::TypeInfo {
                name: #label,
                module: ::core::module_path!(),
                bytes: ::core::mem::size_of::<Self>(),
                align: ::core::mem::align_of::<Self>(),
                shape: #shape,
            };
        }
        const _: () = <#name<#(#fixed),*> as ::galeed::Foreign>::TYPE.check();
    })
}

fn structure(item: &DeriveInput, data: &DataStruct) -> Result<TokenStream> {
    let repr = repr(&item.attrs)?;
    if let Some(span) = repr.packed {
        let why =
            "a packed struct has fields that are not aligned: foreign writes to them could be torn";
        return Err(Error::new(span, why));
    }
    match repr.fixed.as_deref() {
        Some("C" | "transparent") => {}
        _ => {
            let why = "`Foreign` needs a layout that C has too: add `#[repr(C)]` or `#[repr(transparent)]`";
            return Err(Error::new(item.ident.span(), why));
        }
    }
    let fields = data.fields.iter().enumerate().map(|(index, field)| {
        let FieldRules {
            range,
            read_only,
            hidden,
        } = field_rules(&field.attrs)?;
        let member = match &field.ident {
            Some(name) => quote!(#name),
            None => {
                let index = syn::Index::from(index);
                quote!(#index)
            }
        };
        let label = match &field.ident {
            Some(name) => name.unraw().to_string(),
            None => index.to_string(),
        };
        let of = &field.ty;
        let visible = if hidden {
            quote!(Hidden)
        } else if read_only {
            quote!(ReadOnly)
        } else {
            quote!(ReadWrite)
        };
        let info = if hidden {
            quote!(::core::option::Option::None)
        } else {
            quote!(::core::option::Option::Some(<#of as ::galeed::Foreign>::TYPE))
        };
        let range = range
            .as_ref()
            .map_or_else(|| quote!(::core::option::Option::None), bounds);
        Ok(quote! {
            ::galeed::foreign::Field {
                name: #label,
                offset: ::core::mem::offset_of!(Self, #member),
                bytes: ::core::mem::size_of::<#of>(),
                info: #info,
                visible: ::galeed::foreign::Visible::#visible,
                range: #range,
            }
        })
    });
    let fields = fields.collect::<Result<Vec<_>>>()?;
    Ok(quote!(::galeed::foreign::Shape::Struct { fields: &[#(#fields),*] }))
}

fn bounds(range: &Range) -> TokenStream {
    let low = range.low.as_ref().map_or_else(
        || quote!(i128::MIN), // narrowed to the type by whoever compares
        |low| quote!((#low) as i128),
    );
    let high = match (&range.high, range.excludes_high) {
        (None, _) => quote!(i128::MAX),
        (Some(high), true) => quote!((#high) as i128 - 1),
        (Some(high), false) => quote!((#high) as i128),
    };
    quote!(::core::option::Option::Some(::galeed::foreign::Range { low: #low, high: #high }))
}

fn enumeration(item: &DeriveInput, data: &DataEnum) -> Result<TokenStream> {
    match repr(&item.attrs)?.fixed.as_deref() {
        Some(fixed) if fixed != "transparent" => {}
        _ => {
            let why = "`Foreign` needs the size of the enum: add a primitive, as `#[repr(u8)]`, or `#[repr(C)]`";
            return Err(Error::new(item.ident.span(), why));
        }
    }
    let values = data.variants.iter().map(|variant| {
        no_rules(&variant.attrs)?;
        if !matches!(variant.fields, Fields::Unit) {
            let why = "an enum that foreign code writes has no fields: a write of the discriminant \
                alone would change what the other bytes mean";
            return Err(Error::new(variant.fields.span(), why));
        }
        let (name, label) = (&variant.ident, variant.ident.unraw().to_string());
        Ok(quote! {
            ::galeed::foreign::Value { name: #label, value: Self::#name as i128 }
        })
    });
    let values = values.collect::<Result<Vec<_>>>()?;
    if values.is_empty() {
        let why = "an enum without values cannot be lent";
        return Err(Error::new(item.ident.span(), why));
    }
    Ok(quote!(::galeed::foreign::Shape::Enum { values: &[#(#values),*] }))
}
