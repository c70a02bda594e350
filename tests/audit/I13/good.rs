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

// C returns these three and no other.
pub fn color(lamp: &mut Lamp) -> Color {
    unsafe { lamp_color(lamp) }
}

impl TryFrom<c_int> for Color {
    type Error = c_int;

    fn try_from(value: c_int) -> Result<Color, c_int> {
        match value {
            0 => Ok(Color::Red),
            1 => Ok(Color::Green),
            2 => Ok(Color::Blue),
            other => Err(other),
        }
    }
}

pub fn any(lamp: &mut Lamp) -> Result<Color, c_int> {
    unsafe { lamp_any(lamp) }.try_into()
}

pub fn tested(lamp: &mut Lamp) -> Option<Color> {
    let value = unsafe { lamp_any(lamp) };
    (0..=2).contains(&value).then(|| unsafe { std::mem::transmute(value) })
}

pub fn compared(lamp: &mut Lamp) -> Option<Color> {
    let value = unsafe { lamp_any(lamp) };
    if !(0..3).contains(&value) {
        return None;
    }
    Some(unsafe { std::mem::transmute::<c_int, Color>(value) })
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

#[repr(C)]
pub struct Bytes {
    pub length: usize,
    pub data: *mut c_void,
}

pub fn flag(bytes: &Bytes) -> bool {
    unsafe { *bytes.data.cast::<u8>() != 0 }
}
