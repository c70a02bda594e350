use std::os::raw::{c_int, c_uchar};

#[repr(C)]
pub struct Decoder {
    _private: [u8; 0],
}

#[repr(C)]
pub struct RawPacket {
    _private: [u8; 0],
}

unsafe extern "C" {
    pub fn codec_open(version: c_int) -> *mut Decoder;
    pub fn codec_close(decoder: *mut Decoder);
    pub fn codec_decode(
        decoder: *mut Decoder,
        bytes: *const c_uchar,
        count: usize,
    ) -> *mut RawPacket;
    pub fn codec_descramble(to: *mut c_uchar, from: *const c_uchar, count: usize);
    pub fn packet_kind(packet: *const RawPacket) -> c_int;
    pub fn packet_last(packet: *const RawPacket) -> c_uchar;
    pub fn packet_payload(packet: *const RawPacket, count: *mut usize) -> *const c_uchar;
}
