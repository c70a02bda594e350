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
        let colour = [red, green, blue, u8::MAX];
        // SAFETY: the handle is alive, and there are four channels.
        unsafe { ffi::bmp_fill(self.raw.as_ptr(), colour.as_ptr()) }
    }

    /// The smallest and the largest value of a channel.
    pub fn histogram(&self, channel: u8) -> Result<ffi::Range, Error> {
        let mut range = std::mem::MaybeUninit::<ffi::Range>::uninit();
        // SAFETY: the handle is alive; C fills the range where it returns 0.
        unsafe {
            if ffi::bmp_range(self.raw.as_ptr(), channel.into(), range.as_mut_ptr()) != 0 {
                return Err(Error::Channel);
            }
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
        // SAFETY: there are `length` bytes, and they are freed once.
        unsafe {
            let copy = std::slice::from_raw_parts(pixels, length).to_vec();
            ffi::bmp_free_pixels(pixels);
            Ok(copy)
        }
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // SAFETY: nobody else destroys it.
        unsafe { ffi::bmp_destroy(self.raw.as_ptr()) }
    }
}
