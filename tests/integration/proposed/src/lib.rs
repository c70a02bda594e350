//! Calls `c/items.c` with objects of its own.
use std::ffi::{c_char, c_long, c_void};

#[cfg(test)]
#[global_allocator]
static HEAP: galeed::Heap = galeed::Heap;

#[repr(C)]
pub struct Item {
    pub name: *const c_char,
    pub next: *mut Item,
    pub visit: Option<unsafe extern "C" fn(*mut c_void, *const c_char) -> c_long>,
    pub user: *mut c_void,
}

unsafe extern "C" {
    fn items_visit(first: *mut Item) -> c_long;
    fn items_count(first: *const Item) -> c_long;
    fn items_doubler() -> unsafe extern "C" fn(c_long) -> c_long;
    #[link_name = "items_longest"]
    #[cfg(test)]
    fn longest(first: *const Item) -> c_long;
}

unsafe extern "C" fn add_up(user: *mut c_void, name: *const c_char) -> c_long {
    // SAFETY: `visit` below passes a number's place and a string.
    unsafe {
        let seen = user.cast::<i64>();
        *seen += 1;
        c_long::from(*name)
    }
}

/// Sum of the first letters, and how many were visited.
pub fn visit(names: &[&std::ffi::CStr]) -> (i64, i64) {
    let mut seen = Box::new(0i64);
    let mut next = std::ptr::null_mut();
    let mut items = Vec::new();
    for name in names {
        let mut item = Box::new(Item {
            name: name.as_ptr(),
            next,
            visit: Some(add_up),
            user: (&raw mut *seen).cast(),
        });
        next = &raw mut *item;
        items.push(item);
    }
    // SAFETY: the items, strings and the number outlive the calls.
    unsafe {
        assert_eq!(items_count(next), names.len() as c_long);
        (items_visit(next), *seen)
    }
}

/// By a function of C's that only its address leads to.
pub fn doubled(value: i64) -> i64 {
    // SAFETY: takes and keeps nothing.
    unsafe { items_doubler()(value) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn items_are_visited() {
        let (one, other) = (c"a".to_owned(), c"b".to_owned());
        assert_eq!(super::visit(&[&one, &other]), (97 + 98, 2));
    }

    #[test]
    fn a_function_is_given_out() {
        assert_eq!(super::doubled(21), 42);
    }

    #[test]
    fn a_name_of_the_linkers() {
        let name = c"four".to_owned();
        let item = Box::new(super::Item {
            name: name.as_ptr(),
            next: std::ptr::null_mut(),
            visit: None,
            user: std::ptr::null_mut(),
        });
        // SAFETY: the item and its name outlive the call.
        assert_eq!(unsafe { super::longest(&raw const *item) }, 4);
    }
}
