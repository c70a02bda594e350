use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::raw;

#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Data = 0,
    Control = 1,
    Keepalive = 2,
}

pub struct Packet<'a> {
    raw: NonNull<raw::RawPacket>,
    _bytes: PhantomData<&'a [u8]>,
}

impl<'a> Packet<'a> {
    pub(crate) fn new(raw: NonNull<raw::RawPacket>) -> Option<Self> {
        Some(Packet {
            raw,
            _bytes: PhantomData,
        })
    }

    pub fn kind(&self) -> Kind {
        // SAFETY: the same numbers as in the header.
        unsafe { std::mem::transmute(raw::packet_kind(self.raw.as_ptr())) }
    }

    pub fn is_last(&self) -> bool {
        // SAFETY: a byte.
        unsafe { std::mem::transmute::<u8, bool>(raw::packet_last(self.raw.as_ptr())) }
    }

    pub fn payload(&self) -> &'a [u8] {
        let mut count = 0;
        // SAFETY: alive as long as 'a.
        unsafe {
            let first = raw::packet_payload(self.raw.as_ptr(), &mut count);
            std::slice::from_raw_parts(first, count)
        }
    }
}
