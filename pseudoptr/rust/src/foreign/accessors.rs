//! The functions of one field in a header.

use super::{Field, Owns, Range, Shape, TypeInfo, Visible};
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt::{self, Write};

/// How a field is reached: an array of arrays is one array.
struct Access {
    element: &'static TypeInfo,
    /// `None`: no array.
    count: Option<usize>,
}

impl Access {
    fn of(mut element: &'static TypeInfo) -> Access {
        let mut count = None;
        while let Shape::Array {
            element: inner,
            count: times,
        } = &element.shape
        {
            count = Some(count.unwrap_or(1) * times);
            element = inner;
        }
        Access { element, count }
    }

    fn is_struct(&self) -> bool {
        matches!(self.element.shape, Shape::Struct { .. })
    }

    /// What a function for it takes behind `self`.
    fn parameter(&self) -> &'static str {
        self.count.map_or("", |_| ", size_t index")
    }

    fn offset(&self, field: &Field) -> String {
        let (offset, size) = (field.offset, self.element.bytes);
        self.count.map_or_else(
            || offset.to_string(),
            |count| format!("{offset} + galeed_foreign_index(index, {count}) * {size}"),
        )
    }
}

pub(super) fn enum_type(info: &TypeInfo) -> &'static str {
    let Shape::Enum { values } = &info.shape else {
        return "void";
    };
    integer(values.iter().any(|value| value.value < 0), info.bytes)
}

fn integer(signed: bool, bytes: usize) -> &'static str {
    match (signed, bytes) {
        (true, 1) => "int8_t",
        (true, 2) => "int16_t",
        (true, 4) => "int32_t",
        (true, 8) => "int64_t",
        (true, _) => "__int128",
        (false, 1) => "uint8_t",
        (false, 2) => "uint16_t",
        (false, 4) => "uint32_t",
        (false, 8) => "uint64_t",
        (false, _) => "unsigned __int128",
    }
}

/// An integer constant that C takes without a warning.
pub(super) fn constant(value: i128) -> String {
    if value > i128::from(i64::MAX) {
        format!("UINT64_C({value})")
    } else if value == i128::from(i64::MIN) {
        "INT64_MIN".into()
    } else {
        format!("INT64_C({value})")
    }
}

/// The type in C; a pointer's with `const` behind what it is about.
fn c_type(info: &TypeInfo) -> String {
    match &info.shape {
        Shape::Integer { .. } if info.name == "usize" => "size_t".into(),
        Shape::Integer { signed, .. } => integer(*signed, info.bytes).into(),
        Shape::Float if info.bytes == 4 => "float".into(),
        Shape::Float => "double".into(),
        Shape::Bool => "bool".into(),
        Shape::Char => "uint32_t".into(),
        Shape::Struct { .. } if info.module.is_empty() => "void".into(),
        Shape::Enum { .. } | Shape::Struct { .. } => info.name.into(),
        Shape::Array { .. } => "void".into(),
        Shape::Pointer(pointer) => {
            let pointee = pointer.pointee.map_or("void".into(), |of| c_type(of()));
            let is_const = pointer.owns == Owns::Shared || info.name == "*const";
            format!("{pointee}{}*", if is_const { " const " } else { " " })
        }
    }
}

/// Text of both functions of a field, or of the one for a field that is itself a struct.
pub(super) fn write(
    owner: &str,
    field: &'static Field,
    info: &'static TypeInfo,
    out: &mut String,
) -> fmt::Result {
    let access = Access::of(info);
    let (name, of, more) = (field.name, c_type(access.element), access.parameter());
    let at = format!("galeed_foreign_at(self, {})", access.offset(field));
    if let Some(count) = access.count {
        writeln!(out, "#define {owner}_{name}_count {count}")?;
    }
    let is_read_only = field.visible == Visible::ReadOnly;
    if access.is_struct() {
        let is_const = if is_read_only { " const" } else { "" };
        return writeln!(
            out,
            "static inline {of}{is_const} *{owner}_get_{name}({owner}{is_const} *self{more}) {{\n    \
             return ({of}{is_const} *)(uintptr_t){at};\n}}"
        );
    }
    write_rule(field, access.element, out)?;
    writeln!(
        out,
        "static inline {of} {owner}_get_{name}({owner} const *self{more}) {{\n    {}\n}}",
        load(access.element, &of, &at)
    )?;
    if !is_read_only {
        writeln!(
            out,
            "static inline void {owner}_set_{name}({owner} *self{more}, {of} value) {{\n    {}\n}}",
            store(access.element, &at)
        )?;
    }
    Ok(())
}

/// A comment on what may be set.
fn write_rule(field: &Field, info: &TypeInfo, out: &mut String) -> fmt::Result {
    if let Some(Range { low, high }) = field.range {
        let end = |bound: i128| match bound {
            i128::MIN | i128::MAX => String::new(),
            bound => bound.to_string(),
        };
        return writeln!(out, "/* {}..={} */", end(low), end(high));
    }
    match &info.shape {
        Shape::Integer { nonzero: true, .. } => writeln!(out, "/* not 0 */"),
        Shape::Char => writeln!(out, "/* a Unicode scalar value */"),
        Shape::Pointer(pointer) if !pointer.nullable => writeln!(out, "/* not null */"),
        _ => Ok(()),
    }
}

fn load(info: &TypeInfo, of: &str, at: &str) -> String {
    let bytes = info.bytes;
    match &info.shape {
        Shape::Pointer(_) => format!("return ({of})(uintptr_t)galeed_load_pointer({at});"),
        Shape::Float => format!(
            "uint{0}_t bits = (uint{0}_t)galeed_load{bytes}({at});\n    {of} value;\n    \
             memcpy(&value, &bits, {bytes});\n    return value;",
            8 * bytes
        ),
        _ if bytes > 8 => {
            format!("{of} value;\n    galeed_load_bytes(&value, {at}, {bytes});\n    return value;")
        }
        Shape::Bool => format!("return galeed_load1({at}) != 0;"),
        _ => format!("return ({of})galeed_load{bytes}({at});"),
    }
}

fn store(info: &TypeInfo, at: &str) -> String {
    let bytes = info.bytes;
    match &info.shape {
        Shape::Pointer(_) => {
            format!("galeed_store_pointer({at}, (uint64_t)(uintptr_t)value);")
        }
        Shape::Float => format!(
            "uint{}_t bits;\n    memcpy(&bits, &value, {bytes});\n    \
             galeed_store{bytes}({at}, bits);",
            8 * bytes
        ),
        _ if bytes > 8 => format!("galeed_store_bytes({at}, &value, {bytes});"),
        _ => format!("galeed_store{bytes}({at}, (uint64_t)value);"),
    }
}

/// The same as members of the class.
pub(super) fn write_methods(
    owner: &str,
    field: &'static Field,
    info: &'static TypeInfo,
    out: &mut String,
) -> fmt::Result {
    let access = Access::of(info);
    let (name, of) = (field.name, c_type(access.element));
    let (index, passed) = match access.count {
        Some(_) => ("size_t index", ", index"),
        None => ("", ""),
    };
    let is_read_only = field.visible == Visible::ReadOnly;
    if access.is_struct() {
        let is_const = if is_read_only { " const" } else { "" };
        return writeln!(
            out,
            "    {of}{is_const} *get_{name}({index}){is_const} {{ return {owner}_get_{name}(this{passed}); }}"
        );
    }
    writeln!(
        out,
        "    {of} get_{name}({index}) const {{ return {owner}_get_{name}(this{passed}); }}"
    )?;
    if !is_read_only {
        let comma = if index.is_empty() { "" } else { ", " };
        writeln!(
            out,
            "    void set_{name}({index}{comma}{of} value) {{ {owner}_set_{name}(this{passed}, value); }}"
        )?;
    }
    Ok(())
}
