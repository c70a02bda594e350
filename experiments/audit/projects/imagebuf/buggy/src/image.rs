use std::ptr::NonNull;

use crate::ffi;

#[derive(Debug, PartialEq, Eq)]
pub enum Error {
    Dimensions,
    Channel,
    OutOfMemory,
}

/// A bitmap of four channels.
pub struct Image {
    raw: NonNull<ffi::Bitmap>,
}

impl Image {
    pub fn new(width: u16, height: u16) -> Result<Self, Error> {
        // SAFETY: it takes any two numbers.
        let raw = unsafe { ffi::bmp_create(width.into(), height.into()) };
        NonNull::new(raw)
            .map(|raw| Image { raw })
            .ok_or(Error::Dimensions)
    }

    pub fn set_background(&mut self, red: u8, green: u8, blue: u8) {
        let colour = u32::from(red) << 16 | u32::from(green) << 8 | u32::from(blue);
        let shade = (colour / 3) as u8;
        // SAFETY: the handle is alive.
        unsafe { ffi::bmp_fill(self.raw.as_ptr(), &shade) }
    }

    /// The smallest and the largest value of a channel.
    pub fn histogram(&self, channel: u8) -> Result<ffi::Range, Error> {
        let mut range = std::mem::MaybeUninit::<ffi::Range>::uninit();
        // SAFETY: the handle is alive; C fills the range.
        unsafe {
            ffi::bmp_range(self.raw.as_ptr(), channel.into(), range.as_mut_ptr());
            Ok(range.assume_init())
        }
    }

    pub fn into_pixels(self) -> Result<Vec<u8>, Error> {
        let mut length = 0;
        // SAFETY: the handle is alive.
        let pixels = unsafe { ffi::bmp_copy_pixels(self.raw.as_ptr(), &mut length) };
        if pixels.is_null() {
            return Err(Error::OutOfMemory);
        }
        // SAFETY: there are `length` bytes.
        Ok(unsafe { Vec::from_raw_parts(pixels, length, length) })
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // SAFETY: nobody else destroys it.
        unsafe { ffi::bmp_destroy(self.raw.as_ptr()) }
    }
}
