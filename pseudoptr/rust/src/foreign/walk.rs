//! The pieces of a type: which bytes have which rule, and what they are called.
//!
//! Pure: nothing here touches memory of a lease.
//!
//! Invariant: a piece with a rule of its own has 1, 2, 4 or 8 bytes and is aligned to them, so that
//! it can be read, judged and written as one. Padding is in no piece: it is neither judged nor
//! written.

use super::{Field, Pointer, Range, Shape, TypeInfo, Visible};
use core::fmt::{self, Write};

/// Some bytes under one rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    /// From the first byte of the lease.
    pub offset: u64,
    pub bytes: u64,
    pub visible: Visible,
    pub rule: Rule,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Rule {
    /// Any bytes will do.
    Any,
    /// A scalar with fewer values than bit patterns.
    Value(&'static TypeInfo, Option<Range>),
    Pointer(&'static Pointer),
}

/// Why an access is not made: which rule, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub kind: crate::resolve::Kind,
    /// From the first byte of the lease: the field's first byte.
    pub offset: u64,
}

pub(crate) type Visit<'a> = &'a mut dyn FnMut(&Piece) -> Result<(), Refused>;

/// What holds for a type because of what it is in.
#[derive(Clone, Copy)]
struct Place {
    offset: u64,
    visible: Visible,
    range: Option<Range>,
}

/// Visits, in order, what of a lease of one or more `info` lies in [from, to).
pub(crate) fn pieces(
    info: &'static TypeInfo,
    (from, to): (u64, u64),
    visit: Visit<'_>,
) -> Result<(), Refused> {
    let bytes = info.bytes as u64;
    if bytes == 0 || from >= to {
        return Ok(());
    }
    let mut place = Place {
        offset: from - from % bytes,
        visible: Visible::ReadWrite,
        range: None,
    };
    if is_plain(info) {
        place.offset = from;
        return visit(&place.piece(to - from, Rule::Any));
    }
    while place.offset < to {
        each(info, place, (from, to), visit)?;
        place.offset += bytes;
    }
    Ok(())
}

impl Place {
    fn piece(self, bytes: u64, rule: Rule) -> Piece {
        Piece {
            offset: self.offset,
            bytes,
            visible: self.visible,
            rule,
        }
    }

    fn holds(self, (from, to): (u64, u64), bytes: usize) -> bool {
        bytes > 0 && self.offset < to && from < self.offset + bytes as u64
    }
}

fn each(
    info: &'static TypeInfo,
    place: Place,
    window: (u64, u64),
    visit: Visit<'_>,
) -> Result<(), Refused> {
    if !place.holds(window, info.bytes) {
        return Ok(());
    }
    let whole = |rule| place.piece(info.bytes as u64, rule);
    match &info.shape {
        Shape::Struct { fields } => fields
            .iter()
            .try_for_each(|field| one_field(field, place, window, visit)),
        Shape::Array { element, .. } if is_plain(element) => visit(&whole(Rule::Any)),
        Shape::Array { element, count } => {
            let size = element.bytes as u64;
            let first = window.0.saturating_sub(place.offset) / size;
            let end = (window.1 - place.offset).div_ceil(size).min(*count as u64);
            (first..end).try_for_each(|index| {
                let offset = place.offset + index * size;
                each(element, Place { offset, ..place }, window, visit)
            })
        }
        Shape::Pointer(pointer) => visit(&whole(Rule::Pointer(pointer))),
        _ if place.range.is_none() && is_plain(info) => visit(&whole(Rule::Any)),
        _ => visit(&whole(Rule::Value(info, place.range))),
    }
}

fn one_field(
    field: &'static Field,
    place: Place,
    window: (u64, u64),
    visit: Visit<'_>,
) -> Result<(), Refused> {
    let place = Place {
        offset: place.offset + field.offset as u64,
        visible: place.visible.max(field.visible),
        range: field.range,
    };
    match field.info {
        Some(info) => each(info, place, window, visit),
        None if place.holds(window, field.bytes) => {
            visit(&place.piece(field.bytes as u64, Rule::Any))
        }
        None => Ok(()),
    }
}

/// Any bytes, and no pointers?
pub(super) fn is_plain(info: &TypeInfo) -> bool {
    match &info.shape {
        Shape::Integer { nonzero, .. } => !nonzero,
        Shape::Float => true,
        Shape::Array { element, count } => *count == 0 || element.bytes == 0 || is_plain(element),
        Shape::Struct { fields } => fields.is_empty(),
        _ => false,
    }
}

/// Is it one of the type's values? `bits`: as they lie in memory, zeros above.
pub(crate) fn holds(info: &TypeInfo, range: Option<Range>, bits: u64) -> bool {
    let unused = 64 - 8 * info.bytes.clamp(1, 8) as u32;
    match &info.shape {
        Shape::Bool => bits <= 1,
        Shape::Char => u32::try_from(bits).is_ok_and(|bits| char::from_u32(bits).is_some()),
        Shape::Enum { values } => values
            .iter()
            .any(|known| known.value as u64 & u64::MAX >> unused == bits),
        Shape::Integer { signed, nonzero } => {
            let value = if *signed {
                i128::from((bits << unused) as i64 >> unused)
            } else {
                i128::from(bits)
            };
            !(*nonzero && bits == 0)
                && range.is_none_or(|range| range.low <= value && value <= range.high)
        }
        _ => true,
    }
}

const NAME_BYTES: usize = 96;

/// `Config.limits[3].low`, for reports; cut where it is long. No heap.
pub(crate) struct Name {
    text: [u8; NAME_BYTES],
    used: usize,
}

impl Write for Name {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        let taken = piece.len().min(NAME_BYTES - self.used);
        self.text[self.used..self.used + taken].copy_from_slice(&piece.as_bytes()[..taken]);
        self.used += taken;
        Ok(())
    }
}

impl Name {
    /// Of what lies at an offset of a lease of `bytes`.
    pub(crate) fn of(info: &'static TypeInfo, bytes: u64, offset: u64) -> Name {
        let mut name = Name {
            text: [0; NAME_BYTES],
            used: 0,
        };
        let size = info.bytes.max(1) as u64;
        let _ = name.write_str(info.name);
        if bytes > size {
            let _ = write!(name, "[{}]", offset / size);
        }
        name.inside(info, offset % size);
        name
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.text[..self.used]
    }

    fn inside(&mut self, info: &'static TypeInfo, offset: u64) {
        match &info.shape {
            Shape::Struct { fields } => {
                let at =
                    |field: &&Field| offset.wrapping_sub(field.offset as u64) < field.bytes as u64;
                if let Some(field) = fields.iter().find(at) {
                    let _ = write!(self, ".{}", field.name);
                    if let Some(info) = field.info {
                        self.inside(info, offset - field.offset as u64);
                    }
                }
            }
            Shape::Array { element, .. } if element.bytes > 0 => {
                let size = element.bytes as u64;
                let _ = write!(self, "[{}]", offset / size);
                self.inside(element, offset % size);
            }
            _ => {}
        }
    }
}
