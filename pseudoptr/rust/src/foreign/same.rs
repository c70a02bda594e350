//! Do two descriptors describe one type? The compiler may make a constant more than once, and
//! many types have one name (arrays; types of two functions of a module): so everything is compared.
//!
//! Nothing here allocates.

use super::{Field, Pointer, Shape, TypeInfo};

/// Types inside each other. Below that the answer is no.
const DEEPEST: usize = 32;

/// A pair that is being compared, and those around it: a type may lead back to itself.
struct Compared<'a> {
    pair: (&'a TypeInfo, &'a TypeInfo),
    around: Option<&'a Compared<'a>>,
}

pub(super) fn same(one: &TypeInfo, other: &TypeInfo) -> bool {
    inside(one, other, None)
}

fn inside(one: &TypeInfo, other: &TypeInfo, around: Option<&Compared<'_>>) -> bool {
    if core::ptr::eq(one, other) {
        return true;
    }
    let outer = core::iter::successors(around, |compared| compared.around);
    for (depth, compared) in outer.enumerate() {
        let (first, second) = compared.pair;
        if core::ptr::eq(first, one) && core::ptr::eq(second, other) {
            return true; // no difference was found on the way round
        }
        if depth == DEEPEST {
            return false;
        }
    }
    let names = (one.name, one.module) == (other.name, other.module);
    let sizes = (one.bytes, one.align) == (other.bytes, other.align);
    let compared = Compared {
        pair: (one, other),
        around,
    };
    names && sizes && shapes(&one.shape, &other.shape, &compared)
}

fn shapes(one: &Shape, other: &Shape, around: &Compared<'_>) -> bool {
    let inside = |one, other| inside(one, other, Some(around));
    let pointers = |one: &Pointer, other: &Pointer| {
        let pointees = match (one.pointee, other.pointee) {
            (Some(one), Some(other)) => inside(one(), other()),
            (one, other) => one.is_none() && other.is_none(),
        };
        (one.nullable, one.owns) == (other.nullable, other.owns) && pointees
    };
    let fields = |one: &Field, other: &Field| {
        let infos = match (one.info, other.info) {
            (Some(one), Some(other)) => inside(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        (one.offset, one.bytes, one.visible, one.range)
            == (other.offset, other.bytes, other.visible, other.range)
            && infos
    };
    match (one, other) {
        (Shape::Float, Shape::Float) | (Shape::Bool, Shape::Bool) | (Shape::Char, Shape::Char) => {
            true
        }
        (
            Shape::Integer { signed, nonzero },
            Shape::Integer {
                signed: its_sign,
                nonzero: its_zero,
            },
        ) => (signed, nonzero) == (its_sign, its_zero),
        (Shape::Enum { values }, Shape::Enum { values: its }) => values
            .iter()
            .map(|known| known.value)
            .eq(its.iter().map(|known| known.value)),
        (Shape::Pointer(one), Shape::Pointer(other)) => pointers(one, other),
        (Shape::Struct { fields: own }, Shape::Struct { fields: its }) => {
            own.len() == its.len() && own.iter().zip(*its).all(|(one, other)| fields(one, other))
        }
        (
            Shape::Array { element, count },
            Shape::Array {
                element: its,
                count: its_count,
            },
        ) => count == its_count && inside(element, its),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::same;
    use crate::foreign::{Foreign, Owns, Pointer, Shape, TypeInfo};
    use std::sync::OnceLock;

    fn info(shape: Shape) -> TypeInfo {
        TypeInfo {
            name: "it",
            module: "",
            bytes: 8,
            align: 8,
            shape,
        }
    }

    fn pointer(to: fn() -> &'static TypeInfo) -> TypeInfo {
        info(Shape::Pointer(Pointer {
            nullable: true,
            owns: Owns::Allocation,
            pointee: Some(to),
        }))
    }

    #[test]
    fn copies_are_the_same_and_elements_count() {
        fn number() -> &'static TypeInfo {
            u64::TYPE
        }
        fn bools() -> &'static TypeInfo {
            <[bool; 8]>::TYPE
        }
        fn bytes() -> &'static TypeInfo {
            <[u8; 8]>::TYPE
        }
        assert!(same(&pointer(bools), &pointer(bools)));
        assert!(!same(&pointer(bools), &pointer(bytes)));
        assert!(!same(&pointer(bytes), &pointer(number)));
        assert!(!same(<[u8; 8]>::TYPE, <[i8; 8]>::TYPE));
        assert!(same(<[u8; 8]>::TYPE, <[u8; 8]>::TYPE));
    }

    #[test]
    fn types_that_lead_to_themselves_end() {
        static ONE: OnceLock<TypeInfo> = OnceLock::new();
        static OTHER: OnceLock<TypeInfo> = OnceLock::new();
        fn one() -> &'static TypeInfo {
            ONE.get_or_init(|| pointer(one))
        }
        fn other() -> &'static TypeInfo {
            OTHER.get_or_init(|| pointer(other))
        }
        assert!(same(one(), other()));
    }
}
