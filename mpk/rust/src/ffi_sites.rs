//! `mpk_sites.h`, declared. See that header for what each item means; it is the contract.
#![allow(missing_docs, non_camel_case_types)]

use core::ffi::c_int;

pub const MPK_SITES_OFF: c_int = 0;
pub const MPK_SITE_FRAMES: usize = 24;

#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct mpk_site {
    pub thread: i32,
    pub count: u32,
    pub frames: [u64; MPK_SITE_FRAMES],
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct mpk_sites {
    pub allocated: mpk_site,
    pub ended: mpk_site,
}

unsafe extern "C" {
    pub fn mpk_site_level() -> c_int;
    pub fn mpk_site_here(base: usize, here: *mut mpk_site) -> c_int;
    pub fn mpk_site_ended(key: u64, base: usize, here: *const mpk_site);
    pub fn mpk_last_sites(out: *mut mpk_sites) -> c_int;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `sites.c` asserts the same.
    #[test]
    fn the_structs_have_their_c_sizes() {
        assert_eq!(size_of::<mpk_site>(), 200);
        assert_eq!(size_of::<mpk_sites>(), 400);
    }
}
