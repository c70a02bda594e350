use std::os::raw::{c_char, c_int, c_uchar};

#[repr(C)]
pub struct Roster {
    _private: [u8; 0],
}

#[repr(C)]
pub struct Record {
    pub number: u32,
    pub age: u32,
    pub score: f64,
}

unsafe extern "C" {
    pub fn roster_new() -> *mut Roster;
    pub fn roster_free(roster: *mut Roster);
    pub fn roster_adopt(roster: *mut Roster, number: u32, name: *mut c_char) -> c_int;
    pub fn roster_rename(roster: *mut Roster, number: u32, name: *const c_char) -> c_int;
    pub fn roster_name(roster: *const Roster, number: u32) -> *mut c_char;
    pub fn roster_free_name(name: *mut c_char);
    pub fn roster_announce(record: *const Record) -> c_int;
    pub fn roster_publish(bytes: *const c_uchar, count: usize);
}
