//! Packets, decoded by C.

mod packet;
mod raw;

use std::ptr::NonNull;

pub use packet::{Kind, Packet};

pub struct Decoder {
    raw: NonNull<raw::Decoder>,
}

impl Decoder {
    pub fn open(version: i32) -> Option<Decoder> {
        // SAFETY: any number.
        let raw = NonNull::new(unsafe { raw::codec_open(version) })?;
        Some(Decoder { raw })
    }

    pub fn decode<'a>(&'a mut self, bytes: &'a [u8]) -> Option<Packet<'a>> {
        // SAFETY: alive; so many bytes.
        let found = unsafe { raw::codec_decode(self.raw.as_ptr(), bytes.as_ptr(), bytes.len()) };
        Packet::new(NonNull::new(found)?)
    }

    pub fn descramble(&self, bytes: &mut Vec<u8>) {
        let from = bytes.clone();
        // SAFETY: so many bytes each.
        unsafe { raw::codec_descramble(bytes.as_mut_ptr(), from.as_ptr(), from.len()) }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: alive.
        unsafe { raw::codec_close(self.raw.as_ptr()) }
    }
}
