use std::ffi::{c_int, c_void};

#[repr(C)]
pub enum Color {
    Red,
    Green,
    Blue,
}

#[repr(C)]
pub struct Lamp {
    pub color: c_int,
    pub is_on: c_int,
    pub level: u8,
}

extern "C" {
    fn lamp_color(this: *mut Lamp) -> Color;
    fn lamp_any(this: *mut Lamp) -> c_int;
    fn lamp_on(this: *mut Lamp) -> bool;
    fn lamp_each(this: *mut Lamp, told: extern "C" fn(Color, *mut c_void), data: *mut c_void);
}

pub fn color(lamp: &mut Lamp) -> Color {
    unsafe { lamp_color(lamp) }
}

pub fn any(lamp: &mut Lamp) -> Color {
    unsafe { std::mem::transmute(lamp_any(lamp)) }
}

pub fn is_on(lamp: &mut Lamp) -> bool {
    unsafe { lamp_on(lamp) }
}

extern "C" fn count(color: Color, data: *mut c_void) {
    if matches!(color, Color::Blue) {
        unsafe { *data.cast::<u32>() += 1 };
    }
}

pub fn blues(lamp: &mut Lamp) -> u32 {
    let mut found = 0u32;
    unsafe { lamp_each(lamp, count, (&raw mut found).cast()) };
    found
}

// What a library gives as bytes.
#[repr(C)]
pub struct Bytes {
    pub length: usize,
    pub data: *mut c_void,
}

pub fn flag(bytes: &Bytes) -> bool {
    unsafe { *bytes.data.cast::<bool>() }
}
