//! `#[repr(...)]` and `#[foreign(...)]`, read and checked.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{Attribute, Error, Expr, ExprRange, Path, RangeLimits, Result};

/// What a type says about its layout.
#[derive(Default)]
pub(crate) struct Repr {
    /// `C`, `transparent` or a primitive integer.
    pub(crate) fixed: Option<String>,
    pub(crate) packed: Option<Span>,
}

const PRIMITIVES: [&str; 10] = [
    "u8", "u16", "u32", "u64", "usize", "i8", "i16", "i32", "i64", "isize",
];

pub(crate) fn repr(attributes: &[Attribute]) -> Result<Repr> {
    let mut repr = Repr::default();
    for attribute in attributes.iter().filter(|at| at.path().is_ident("repr")) {
        attribute.parse_nested_meta(|meta| {
            let name = name_of(&meta.path);
            match name.as_str() {
                "packed" => repr.packed = Some(meta.path.span()),
                "C" | "transparent" => repr.fixed = Some(name),
                // repr(C, u8) has the primitive's size.
                primitive if PRIMITIVES.contains(&primitive) => repr.fixed = Some(name),
                _ => {}
            }
            if meta.input.peek(syn::token::Paren) {
                let inner;
                syn::parenthesized!(inner in meta.input);
                inner.parse::<proc_macro2::TokenStream>()?;
            }
            Ok(())
        })?;
    }
    Ok(repr)
}

fn name_of(path: &Path) -> String {
    path.get_ident()
        .map(ToString::to_string)
        .unwrap_or_default()
}

/// What `#[foreign(...)]` says about a field.
#[derive(Default)]
pub(crate) struct FieldRules {
    pub(crate) range: Option<Range>,
    pub(crate) read_only: bool,
    pub(crate) hidden: bool,
}

/// Both bounds are values that the field may have; `None`: as far as its type goes.
pub(crate) struct Range {
    pub(crate) low: Option<Expr>,
    pub(crate) high: Option<Expr>,
    /// `low..high`: the last value is the one before it.
    pub(crate) excludes_high: bool,
}

pub(crate) fn field_rules(attributes: &[Attribute]) -> Result<FieldRules> {
    let mut rules = FieldRules::default();
    let mut first = None;
    for attribute in attributes.iter().filter(|at| at.path().is_ident("foreign")) {
        first.get_or_insert(attribute.span());
        attribute.parse_nested_meta(|meta| match name_of(&meta.path).as_str() {
            "range" => {
                let range: Expr = meta.value()?.parse()?;
                rules.range = Some(self::range(range)?);
                Ok(())
            }
            "read_only" => {
                rules.read_only = true;
                Ok(())
            }
            "hidden" => {
                rules.hidden = true;
                Ok(())
            }
            _ => Err(meta.error("expected `range = LOW..=HIGH`, `read_only` or `hidden`")),
        })?;
    }
    if let Some(span) = first
        && rules.hidden
        && (rules.read_only || rules.range.is_some())
    {
        let why = "a `hidden` field is neither read nor written: it has no other rules";
        return Err(Error::new(span, why));
    }
    Ok(rules)
}

fn range(range: Expr) -> Result<Range> {
    let Expr::Range(ExprRange {
        start, limits, end, ..
    }) = range
    else {
        return Err(Error::new(range.span(), "expected a range, as `1..=100`"));
    };
    Ok(Range {
        low: start.map(|low| *low),
        excludes_high: end.is_some() && matches!(limits, RangeLimits::HalfOpen(_)),
        high: end.map(|high| *high),
    })
}

/// Of types and variants, which have no rules.
pub(crate) fn no_rules(attributes: &[Attribute]) -> Result<()> {
    match attributes.iter().find(|at| at.path().is_ident("foreign")) {
        Some(attribute) => Err(Error::new(
            attribute.span(),
            "`#[foreign(...)]` belongs to a field of a struct",
        )),
        None => Ok(()),
    }
}
