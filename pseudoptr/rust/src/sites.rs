//! Where leases ended, for reports: `GALEED_SITES`. The runtime below keeps the records; this
//! file says what ended.
//!
//! The walk of the stack comes before the table's lock is taken: unwinders have locks of
//! their own.

use crate::layout::encode;
use crate::sys;
use crate::table::Registry;

/// What a lease's end is recorded under; has bit 63 set, as the runtime asks.
pub(crate) fn key(index: u32, generation: u32) -> u64 {
    encode(index, generation, 0)
}

/// The calling place, if the end of leases on the allocation at `base` (0: none) is to be recorded.
pub(crate) struct Here(Option<sys::mpk_site>, usize);

impl Here {
    /// pre: started, rights open, lock not held.
    #[inline]
    pub(crate) fn of(base: impl FnOnce() -> usize) -> Here {
        // SAFETY: the runtime has started.
        if unsafe { sys::mpk_site_level() } == sys::MPK_SITES_OFF {
            return Here(None, 0);
        }
        Here::walk(base())
    }

    #[cold]
    fn walk(base: usize) -> Here {
        let mut here = sys::mpk_site::default();
        // SAFETY: rights are open, `here` is writable.
        let is = unsafe { sys::mpk_site_here(base, &raw mut here) } != 0;
        Here(is.then_some(here), base)
    }

    /// Ends the lease, and records it. pre: the lock is held, as for [`Registry::end`].
    #[inline]
    pub(crate) fn end(&self, registry: &Registry, held: &crate::lock::Guard<'_>, index: u32) {
        if let Some(here) = &self.0 {
            let key = key(index, crate::table::side(index).read().generation);
            // SAFETY: rights are open, as they are where leases end.
            unsafe { sys::mpk_site_ended(key, self.1, here) };
        }
        registry.end(held, index);
    }
}
