//! Checks of by_hand.c.
use galeed::{Kind, catch};
use std::ffi::{CStr, c_char, c_double, c_int, c_long};

type Text = *const c_char;

unsafe extern "C" {
    fn mixed(to: *mut c_char, n: usize, a: Text, b: Text, count: *mut c_int) -> c_int;
    fn positions(to: *mut c_char, a: Text, b: Text) -> c_int;
    fn wide_text(to: *mut c_char, text: *const i32) -> c_int;
    fn precise(to: *mut c_char, n: usize, text: Text, most: c_int) -> c_int;
    fn long_list(to: *mut c_char, n: usize, a: Text, b: Text) -> c_int;
    fn raw_format(to: *mut c_char, n: usize) -> c_int;
    fn scanned(text: Text, number: *mut c_int, word: *mut c_char, real: *mut c_double) -> c_int;
    fn scanned_bounded(text: Text, word: *mut c_char) -> c_int;
    fn scanned_file(word: *mut c_char) -> c_int;
    fn closed(p: *mut c_char, n: usize) -> c_int;
    fn piped(to: *mut c_char, from: Text, n: usize) -> c_long;
    fn through_file(to: *mut c_char, from: Text, size: usize, n: usize) -> usize;
    fn lines(to: *mut c_char, n: c_int) -> c_int;
    fn sorted(p: *mut c_int, n: usize);
    fn searched(key: *const c_int, p: *mut c_int, n: usize) -> *mut c_int;
    fn number(text: *mut c_char, end: *mut *mut c_char) -> c_long;
    fn summed(text: *mut c_char) -> c_long;
    fn after(text: *mut c_char, byte: c_int) -> *mut c_char;
    fn words(text: *mut c_char, marks: Text, again: c_int) -> c_int;
    fn parted(text: *mut *mut c_char, marks: Text) -> *mut c_char;
    fn converted(from: *mut *mut c_char, left: *mut usize, to: *mut *mut c_char, room: *mut usize) -> c_long;
    fn vectors(a: *mut c_char, a_bytes: usize, b: *mut c_char, b_bytes: usize) -> c_long;
    fn lines_of(line: *mut *mut c_char, bytes: *mut usize) -> c_long;
    fn through_copies(numbers: *mut c_int, n: usize, text: *mut c_char) -> c_long;
    fn measured(text: Text) -> usize;
    fn early(p: *mut c_char, byte: c_int) -> *mut c_char;
}

/// A string in memory of exactly its size.
fn text(of: &str) -> Box<[u8]> {
    [of.as_bytes(), b"\0"].concat().into_boxed_slice()
}

fn room(bytes: usize) -> Box<[u8]> {
    vec![b'#'; bytes].into_boxed_slice()
}

fn says(memory: &[u8]) -> &str {
    CStr::from_bytes_until_nul(memory).unwrap().to_str().unwrap()
}

fn spatial<T>(what: &str, outcome: Result<T, galeed::Violation>) {
    match outcome {
        Ok(_) => panic!("{what}: went unnoticed"),
        Err(violation) => assert_eq!(violation.kind, Kind::Spatial, "{what}: {violation}"),
    }
}

fn formats() {
    let (a, b) = (text("first"), text("second"));
    let (a_end, b_end) = (room(4), text("xyz"));
    let (a, b) = (a.as_ptr().cast(), b.as_ptr().cast());
    let mut count = Box::new(0);
    let mut to = room(26);
    // SAFETY: C stays inside or is stopped, here and below.
    unsafe {
        assert_eq!(mixed(to.as_mut_ptr().cast(), 100, a, b, &raw mut *count), 25);
        assert_eq!(says(&to), "first| 1.50|sec|2.25|7|c%");
        assert_eq!(*count, 22);
        spatial("printf", catch(|| mixed(to.as_mut_ptr().add(1).cast(), 100, a, b, &raw mut *count)));
        assert_eq!(mixed(to.as_mut_ptr().cast(), 6, a, b, &raw mut *count), 25);
        assert_eq!(says(&to), "first");
        spatial("%s", catch(|| mixed(to.as_mut_ptr().cast(), 100, a_end.as_ptr().cast(), b, &raw mut *count)));
        // Three bytes of it are asked for: no NUL is needed.
        assert_eq!(mixed(to.as_mut_ptr().cast(), 100, a, b_end.as_ptr().cast(), &raw mut *count), 25);
        assert_eq!(positions(to.as_mut_ptr().cast(), a, b), 14);
        assert_eq!(says(&to), "second-first-5");
        let wide = vec![0x61, 0x62, 0].into_boxed_slice();
        assert_eq!(wide_text(to.as_mut_ptr().cast(), wide.as_ptr()), 2);
        assert_eq!(says(&to), "ab");
        spatial("%ls", catch(|| wide_text(to.as_mut_ptr().cast(), wide[..2].to_vec().into_boxed_slice().as_ptr())));
        assert_eq!(precise(to.as_mut_ptr().cast(), 27, a_end.as_ptr().cast(), 4), 4);
        spatial("%.*s", catch(|| precise(to.as_mut_ptr().cast(), 27, a_end.as_ptr().cast(), 5)));
        spatial("%.-1s", catch(|| precise(to.as_mut_ptr().cast(), 27, a_end.as_ptr().cast(), -1)));
        let mut to = room(43);
        assert_eq!(long_list(to.as_mut_ptr().cast(), 54, a, b), 42);
        assert_eq!(says(&to), "first 1 2 3 4 0.5 1 2 3 4 5 6 7 8 9 second");
        spatial("va_list", catch(|| long_list(to.as_mut_ptr().cast(), 54, a, a_end.as_ptr().cast())));
        assert_eq!(raw_format(to.as_mut_ptr().cast(), 54), 6);
        assert_eq!(says(&to), "4 five");
    }
}

fn scans() {
    let line = text("12 word 2.5");
    let (mut n, mut real) = (Box::new(0), Box::new(0.0));
    let mut word = room(5);
    // SAFETY: as above.
    unsafe {
        assert_eq!(scanned(line.as_ptr().cast(), &raw mut *n, word.as_mut_ptr().cast(), &raw mut *real), 3);
        assert_eq!((*n, says(&word), *real), (12, "word", 2.5));
        let mut short = room(4);
        let go = || scanned(line.as_ptr().cast(), &raw mut *n, short.as_mut_ptr().cast(), &raw mut *real);
        spatial("scanf's %s", catch(go));
        assert_eq!(*short, *b"####");
        let letters = text("abcdef");
        assert_eq!(scanned_bounded(letters.as_ptr().cast(), short.as_mut_ptr().cast()), 1);
        assert_eq!(says(&short), "abc");
        spatial("%3[", catch(|| scanned_bounded(letters.as_ptr().cast(), short.as_mut_ptr().add(1).cast())));
        spatial("fscanf", catch(|| scanned_file(word.as_mut_ptr().cast())));
    }
}

fn files() {
    let from: Box<[u8]> = (0..96).collect();
    let mut to = room(96);
    // SAFETY: as above.
    unsafe {
        assert_eq!(closed(to.as_mut_ptr().cast(), 96), 9); // EBADF
        assert_eq!(piped(to.as_mut_ptr().cast(), from.as_ptr().cast(), 96), 96);
        assert_eq!(to, from);
        spatial("read", catch(|| closed(to.as_mut_ptr().cast(), 97)));
        to.fill(0);
        assert_eq!(through_file(to.as_mut_ptr().cast(), from.as_ptr().cast(), 8, 12), 12);
        assert_eq!(to, from);
        spatial("fwrite", catch(|| through_file(to.as_mut_ptr().cast(), from.as_ptr().cast(), usize::MAX / 2, 3)));
        assert_eq!(lines(to.as_mut_ptr().cast(), 96), 2);
        assert_eq!(says(&to), "two\n");
    }
}

fn sorts() {
    let mut numbers = vec![3, 9, 1, 7].into_boxed_slice();
    let key = Box::new(7);
    // SAFETY: as above.
    unsafe {
        sorted(numbers.as_mut_ptr(), 4);
        assert_eq!(*numbers, [9, 7, 3, 1]);
        assert_eq!(searched(&raw const *key, numbers.as_mut_ptr(), 4), &raw mut numbers[1]);
        spatial("qsort", catch(|| sorted(numbers.as_mut_ptr(), 5)));
        let mut many: Vec<c_int> = (0..5000).collect(); // a mapped lease
        sorted(many.as_mut_ptr(), 5000);
        assert!(many.iter().rev().copied().eq(0..5000));
    }
}

fn ends() {
    let mut line = text("12 -5 30");
    let mut end = Box::new(std::ptr::null_mut());
    // SAFETY: as above.
    unsafe {
        assert_eq!(number(line.as_mut_ptr().cast(), &raw mut *end), 12);
        assert_eq!(*end, line.as_mut_ptr().add(2).cast());
        assert_eq!(number(line.as_mut_ptr().cast(), std::ptr::null_mut()), 12);
        assert_eq!(summed(line.as_mut_ptr().cast()), 37);
        assert_eq!(after(line.as_mut_ptr().cast(), i32::from(b'5')), line.as_mut_ptr().add(5).cast());
        assert!(after(line.as_mut_ptr().cast(), i32::from(b'x')).is_null());
        assert_eq!(early(line.as_mut_ptr().cast(), i32::from(b'-')), line.as_mut_ptr().add(3).cast());
        let unended = room(64);
        let violation = catch(|| measured(unended.as_ptr().cast())).unwrap_err();
        assert!(violation.detail.as_deref().unwrap().ends_with("(strlen)"), "{violation}");
        assert_eq!((violation.function.as_deref(), violation.bound), (Some("measured"), 64));
    }
}

fn cells() {
    let marks = text(", ");
    let marks = marks.as_ptr().cast();
    // SAFETY: as above.
    unsafe {
        for again in [0, 1] {
            let mut line = text(" a,b ,, c");
            assert_eq!(words(line.as_mut_ptr().cast(), marks, again), 97 + 98 + 99);
            assert_eq!(&*line, b" a\0b\0,, c\0");
            let mut unended = room(5);
            spatial("strtok", catch(|| words(unended.as_mut_ptr().cast(), marks, again)));
        }
        let mut line = text("a,b");
        let start: *mut c_char = line.as_mut_ptr().cast();
        let mut place = Box::new(start);
        assert_eq!(parted(&raw mut *place, marks), start);
        assert_eq!(*place, start.add(2));
        assert_eq!(parted(&raw mut *place, marks), start.add(2));
        assert!(place.is_null() && parted(&raw mut *place, marks).is_null());

        let mut to = room(8);
        let (mut from, mut out) = (Box::new(start), Box::new(to.as_mut_ptr().cast::<c_char>()));
        let (mut left, mut out_left) = (Box::new(3), Box::new(8));
        line.copy_from_slice(b"a,b\0");
        assert_eq!(converted(&raw mut *from, &raw mut *left, &raw mut *out, &raw mut *out_left), 0);
        assert_eq!((*from, *left, *out_left), (start.add(3), 0, 2));
        assert_eq!(*out, to.as_mut_ptr().add(6).cast());
        assert_eq!(*to, *b"a\0,\0b\0##");
        (*from, *left) = (start, 5);
        spatial("iconv", catch(|| converted(&raw mut *from, &raw mut *left, &raw mut *out, &raw mut *out_left)));
        assert_eq!(*from, start);

        let (mut a, mut b) = (text("abc"), text("defgh"));
        assert_eq!(vectors(a.as_mut_ptr().cast(), 3, b.as_mut_ptr().cast(), 5), 1);
        assert_eq!((&*a, &*b), (&b"efg\0"[..], &b"abc-d\0"[..]));
        spatial("writev", catch(|| vectors(a.as_mut_ptr().cast(), 3, b.as_mut_ptr().cast(), 7)));
        let (mut row, mut bytes) = (Box::new(std::ptr::null_mut()), Box::new(0));
        assert_eq!(lines_of(&raw mut *row, &raw mut *bytes), 6);
    }
}

fn copies() {
    let mut numbers = vec![0, 1, 2, 3].into_boxed_slice();
    let mut word = text("a");
    // SAFETY: as above.
    unsafe {
        assert_eq!(through_copies(numbers.as_mut_ptr().add(1), 3, word.as_mut_ptr().cast()), 6);
        assert_eq!((&*numbers, says(&word)), (&[0, 2, 3, 4][..], "b"));
        let lent = galeed::lend(&word[..]).unwrap();
        assert_eq!(through_copies(numbers.as_mut_ptr(), 1, lent.as_ptr().cast_mut().cast()), 0);
        drop(lent);
        assert_eq!((numbers[0], says(&word)), (1, "b"));
        let mut many = vec![1; 4096].into_boxed_slice();
        assert_eq!(through_copies(many.as_mut_ptr(), 4096, word.as_mut_ptr().cast()), 4096);
        assert!(many.iter().all(|&number| number == 2));
    }
}

pub fn all() {
    copies();
    cells();
    formats();
    scans();
    files();
    sorts();
    ends();
}
