//! The same as C has it, and what both pass in the same registers.
use std::ffi::{c_char, c_int, c_void};

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Pair {
    pub a: u64,
    pub b: u64,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Point {
    pub x: f32,
    pub y: f32,
    pub z: f32,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Mixed {
    pub a: u8,
    pub b: f64,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Big {
    pub a: [u64; 4],
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Odd {
    pub a: [u8; 3],
}
#[repr(C)]
#[derive(Clone, Copy, PartialEq)]
pub enum Color {
    Red,
    Green,
}

extern "C" {
    fn pair(p: Pair, n: c_int) -> Pair;
    fn point(p: Point) -> Point;
    fn mixed(m: Mixed) -> Mixed;
    fn big(b: Big) -> Big;
    fn odd(o: Odd) -> Odd;
    fn color(c: Color) -> Color;
    fn word(p: usize) -> *mut c_void;
    fn flag(b: bool) -> bool;
    fn byte(c: c_char) -> u8;
    fn text(s: Option<&c_char>) -> usize;
    fn call(f: Option<unsafe extern "C" fn(c_int) -> c_int>, a: c_int) -> c_int;
    fn many(format: *const c_char, ...) -> c_int;
    fn ignored(a: c_int);
    fn wide(a: i128) -> i128;
    fn real(a: f64, b: f32) -> f64;
}

unsafe extern "C" fn twice(a: c_int) -> c_int {
    a.wrapping_mul(2)
}

pub fn all() -> u64 {
    unsafe {
        ignored(1);
        let p = pair(Pair { a: 1, b: 2 }, 3);
        let q = point(Point { x: 1.0, y: 2.0, z: 3.0 });
        let m = mixed(Mixed { a: 1, b: 2.0 });
        let b = big(Big { a: [1; 4] });
        let o = odd(Odd { a: [1; 3] });
        p.a + q.x as u64
            + m.a as u64
            + b.a[0]
            + o.a[0] as u64
            + (color(Color::Red) == Color::Green) as u64
            + word(5) as u64
            + flag(true) as u64
            + byte(7) as u64
            + text(None) as u64
            + call(Some(twice), 4) as u64
            + many(c"%d".as_ptr(), 8 as c_int) as u64
            + wide(9) as u64
            + real(1.0, 2.0) as u64
    }
}
