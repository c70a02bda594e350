//! Shapes.

use std::os::raw::c_int;

#[derive(Clone, Copy, Debug, Default)]
pub struct Rect {
    pub layer: u8,
    pub x: f64,
    pub y: f64,
    pub flags: u16,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    pub colour: u32,
    pub width: u32,
    pub opacity: f32,
}

#[repr(C)]
#[derive(Debug)]
pub struct Path {
    pub points: *const f64,
    pub count: usize,
    pub closed: c_int,
}

unsafe extern "C" {
    fn geo_area(rect: *const Rect) -> f64;
    fn geo_stroke(style: *const Style, length: f64) -> f64;
    fn geo_length(path: *const Path) -> f64;
    fn geo_scale(rect: *mut Rect, factor: c_int);
}

pub fn area(rect: &Rect) -> f64 {
    // SAFETY: C reads it.
    unsafe { geo_area(rect) }
}

pub fn stroke(style: &Style, length: f64) -> f64 {
    // SAFETY: C reads it.
    unsafe { geo_stroke(style, length) }
}

pub fn length(points: &[f64], is_closed: bool) -> f64 {
    let path = Path {
        points: points.as_ptr(),
        count: points.len(),
        closed: is_closed.into(),
    };
    // SAFETY: as many points as said.
    unsafe { geo_length(&path) }
}

pub fn double(rect: &mut Rect) {
    // SAFETY: C changes it.
    unsafe { geo_scale(rect, 2) }
}
