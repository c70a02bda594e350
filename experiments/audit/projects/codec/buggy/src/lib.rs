//! Packets, decoded by C.

mod packet;
mod raw;

use std::ptr::NonNull;

pub use packet::{Kind, Packet};

pub struct Decoder {
    raw: NonNull<raw::Decoder>,
}

impl Decoder {
    pub fn open(version: i32) -> Decoder {
        // SAFETY: it returns a decoder.
        unsafe {
            Decoder {
                raw: NonNull::new_unchecked(raw::codec_open(version)),
            }
        }
    }

    pub fn decode<'a>(&'a mut self, bytes: &'a [u8]) -> Option<Packet<'a>> {
        // SAFETY: alive; so many bytes.
        let found = unsafe { raw::codec_decode(self.raw.as_ptr(), bytes.as_ptr(), bytes.len()) };
        Packet::new(NonNull::new(found)?)
    }

    pub fn descramble(&self, bytes: &mut Vec<u8>) {
        let start = bytes.as_mut_ptr();
        // SAFETY: so many bytes.
        unsafe { raw::codec_descramble(start, start, bytes.len()) }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: alive.
        unsafe { raw::codec_close(self.raw.as_ptr()) }
    }
}
