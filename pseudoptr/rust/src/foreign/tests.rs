//! Descriptors against the compiler's own view, and judgements against the language's.

use super::lease::claim;
use super::walk::{Name, Piece, Refused, Rule, holds, pieces};
use super::{Range, Shape, TypeInfo, Visible};
use crate::Foreign; // the trait and the derive
use crate::layout::index_of;
use crate::lease;
use crate::table::{RANGE, TYPED, WRITABLE};
use core::mem::offset_of;
use std::num::NonZero;

#[derive(Foreign, Clone, Copy, Debug, PartialEq)]
#[repr(u16)]
enum Mode {
    Off = 3,
    On = 0x1ff,
    Last = 0xffff,
}

#[derive(Foreign, Clone, Copy)]
#[repr(i8)]
enum Sign {
    Minus = -1,
    Zero,
}

#[derive(Foreign, Clone, Copy)]
#[repr(C)]
enum AsC {
    One = 1,
    Many = -7,
}

#[derive(Foreign)]
#[repr(transparent)]
struct Percent(#[foreign(range = ..=100)] u8);

#[derive(Foreign)]
#[repr(C)]
struct Inner {
    flag: bool,
    #[foreign(range = -5..5)]
    small: i16,
    letter: char,
}

const MOST: u32 = 9;

#[derive(Foreign)]
#[repr(C)]
struct Outer<'a> {
    inner: [Inner; 3],
    mode: Mode,
    #[foreign(read_only)]
    version: u64,
    #[foreign(hidden)]
    secret: String,
    count: NonZero<u32>,
    #[foreign(range = MOST..)]
    more: u32,
    percent: Percent,
    next: Option<&'a Inner>,
    own: Option<Box<Inner>>,
    bytes: [u8; 5],
    r#type: f32,
    wide: u128,
}

fn all(info: &'static TypeInfo, window: (u64, u64)) -> Vec<Piece> {
    let mut found = Vec::new();
    pieces(info, window, &mut |piece| {
        found.push(*piece);
        Ok(())
    })
    .unwrap();
    found
}

#[test]
fn a_descriptor_says_what_the_compiler_says() {
    let info = Outer::TYPE;
    assert_eq!((info.name, info.bytes), ("Outer", size_of::<Outer<'_>>()));
    assert_eq!(info.align, align_of::<Outer<'_>>());
    assert_eq!(info.module, module_path!());
    let Shape::Struct { fields } = &info.shape else {
        panic!("{info:?}");
    };
    let of = |name| fields.iter().find(|field| field.name == name).unwrap();
    assert_eq!(of("version").offset, offset_of!(Outer<'_>, version));
    assert_eq!(of("version").visible, Visible::ReadOnly);
    assert_eq!(of("secret").visible, Visible::Hidden);
    assert_eq!(of("secret").bytes, size_of::<String>());
    assert!(of("secret").info.is_none());
    let high = i128::MAX;
    assert_eq!(of("more").range, Some(Range { low: 9, high }));
    assert_eq!(of("type").offset, offset_of!(Outer<'_>, r#type));
    let Shape::Enum { values } = &AsC::TYPE.shape else {
        panic!();
    };
    assert_eq!((values[1].name, values[1].value), ("Many", -7));
    assert_eq!(AsC::TYPE.bytes, 4);
}

/// What has a rule is aligned, whole, and where the compiler put it; nothing is in two pieces.
#[test]
fn pieces_are_in_order_and_aligned() {
    let found = all(Outer::TYPE, (0, 2 * size_of::<Outer<'_>>() as u64));
    let half = found.len() / 2;
    assert_eq!(
        found[half].offset,
        found[0].offset + Outer::TYPE.bytes as u64
    );
    let mut sorted = found.clone();
    sorted.sort_by_key(|piece| piece.offset);
    for pair in sorted.windows(2) {
        assert!(pair[0].offset + pair[0].bytes <= pair[1].offset, "{pair:?}");
    }
    for piece in &found {
        if !matches!(piece.rule, Rule::Any) {
            assert!([1, 2, 4, 8].contains(&piece.bytes) && piece.offset % piece.bytes == 0);
        }
    }
    let flags = found.iter().filter(
        |piece| matches!(piece.rule, Rule::Value(info, _) if matches!(info.shape, Shape::Bool)),
    );
    let expected: Vec<_> = (0..2)
        .flat_map(|outer| (0..3).map(move |at| outer * size_of::<Outer<'_>>() + at * 8))
        .collect();
    assert_eq!(
        flags.map(|piece| piece.offset as usize).collect::<Vec<_>>(),
        expected
    );
}

#[derive(Foreign)]
#[repr(C)]
struct Marked {
    before: u32,
    #[foreign(hidden)]
    _marker: [String; 0],
    #[foreign(read_only)]
    _none: [u8; 0],
    behind: u32,
}

/// What has no bytes keeps nobody from those around it.
#[test]
fn hidden_fields_without_a_size_hide_nothing() {
    let found = all(Marked::TYPE, (0, 16));
    let seen: Vec<_> = found.iter().map(|it| (it.offset, it.visible)).collect();
    assert_eq!(offset_of!(Marked, behind), 8);
    assert_eq!(seen, [(0, Visible::ReadWrite), (8, Visible::ReadWrite)]);
}

/// Each window sees exactly the pieces that it touches.
#[test]
fn windows_see_what_they_touch() {
    let bytes = size_of::<Outer<'_>>() as u64;
    let whole = all(Outer::TYPE, (0, 2 * bytes));
    for from in 0..bytes + 9 {
        for length in [1, 2, 3, 8, 17, 60] {
            let window = (from, (from + length).min(2 * bytes));
            let seen: Vec<_> = all(Outer::TYPE, window)
                .iter()
                .map(|it| it.offset)
                .collect();
            let touched = whole
                .iter()
                .filter(|it| it.offset < window.1 && window.0 < it.offset + it.bytes);
            assert_eq!(
                seen,
                touched.map(|it| it.offset).collect::<Vec<_>>(),
                "{window:?}"
            );
        }
    }
}

#[test]
fn values_are_those_of_the_language() {
    for bits in 0..=u64::from(u16::MAX) {
        assert_eq!(holds(bool::TYPE, None, bits & 0xff), bits & 0xff < 2);
        let is_mode = [3, 0x1ff, 0xffff].contains(&bits);
        assert_eq!(holds(Mode::TYPE, None, bits), is_mode, "{bits:#x}");
        let range = Some(Range { low: -5, high: 4 });
        let small = bits as u16 as i16;
        assert_eq!(
            holds(i16::TYPE, range, bits),
            (-5..5).contains(&small),
            "{small}"
        );
        assert_eq!(holds(<NonZero<u16>>::TYPE, None, bits), bits != 0);
        assert!(holds(<Option<NonZero<u16>>>::TYPE, None, bits));
    }
    for bits in (0..=u64::from(u32::MAX))
        .step_by(4099)
        .chain(0xd000..0xe100)
    {
        let is = char::from_u32(bits as u32).is_some();
        assert_eq!(holds(char::TYPE, None, bits), is, "{bits:#x}");
        let one = [1, -7].contains(&(bits as u32 as i32));
        assert_eq!(holds(AsC::TYPE, None, bits), one);
    }
    assert!(holds(AsC::TYPE, None, u64::from(-7i32 as u32)));
    assert!(holds(Sign::TYPE, None, 0xff) && holds(Sign::TYPE, None, 0));
    assert!(!holds(Sign::TYPE, None, 1));
    let most = Some(Range {
        low: 0,
        high: i128::from(u64::MAX) - 1,
    });
    assert!(!holds(u64::TYPE, most, u64::MAX) && holds(u64::TYPE, most, u64::MAX - 1));
    let _ = (
        Mode::Off,
        Mode::On,
        Mode::Last,
        Sign::Minus,
        Sign::Zero,
        AsC::One,
        AsC::Many,
    );
}

#[test]
fn fields_are_called_by_their_path() {
    let bytes = size_of::<Outer<'_>>() as u64;
    let name = |lease, offset: usize| {
        String::from_utf8(Name::of(Outer::TYPE, lease, offset as u64).bytes().to_vec()).unwrap()
    };
    assert_eq!(name(bytes, 0), "Outer.inner[0].flag");
    assert_eq!(name(bytes, 16 + 2), "Outer.inner[2].small");
    assert_eq!(
        name(bytes, offset_of!(Outer<'_>, secret) + 1),
        "Outer.secret"
    );
    assert_eq!(
        name(bytes, offset_of!(Outer<'_>, percent)),
        "Outer.percent.0"
    );
    assert_eq!(
        name(bytes, offset_of!(Outer<'_>, bytes) + 4),
        "Outer.bytes[4]"
    );
    assert_eq!(
        name(3 * bytes, bytes as usize + 1),
        "Outer[1].inner[0]",
        "padding"
    );
}

/// A handle may be guessed before its lease is complete: it is no lease of the former type.
#[test]
fn an_index_forgets_its_type() {
    let mut letter = Box::new('a');
    let address = (&raw mut *letter).expose_provenance() as u64;
    let again = || {
        let former = crate::lend_typed_mut(&mut *letter).unwrap().handle();
        let next = lease::begin_range(address, 4, RANGE | TYPED | WRITABLE).unwrap();
        let same = index_of(former) == index_of(next); // no other test was faster
        same.then_some(next)
    };
    let handle = core::iter::repeat_with(again).flatten().next().unwrap();
    assert!(claim(handle).is_none());
    let write = crate::check(handle, 4, crate::Access::Write).unwrap();
    assert_eq!(write, Err(crate::Kind::Type));
    lease::revoke(handle).unwrap();
}

#[test]
fn a_visitor_that_refuses_ends_the_walk() {
    let why = Refused {
        kind: crate::Kind::Type,
        offset: 1,
    };
    let mut seen = 0;
    let outcome = pieces(Inner::TYPE, (0, 800), &mut |_| {
        seen += 1;
        if seen == 2 { Err(why) } else { Ok(()) }
    });
    assert_eq!((outcome, seen), (Err(why), 2));
}
