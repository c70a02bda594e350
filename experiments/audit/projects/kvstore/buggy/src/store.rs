use crate::bindings::{self, kv_stats, kv_store};

pub struct Store {
    pub(crate) raw: *mut kv_store,
}

impl Store {
    pub fn open() -> Option<Store> {
        // SAFETY: no precondition.
        let raw = unsafe { bindings::kv_open() };
        (!raw.is_null()).then(|| Store { raw })
    }

    /// Of a store that C opened.
    pub fn attach(raw: *mut kv_store) -> (Store, kv_stats) {
        let mut stats = kv_stats::default();
        // SAFETY: the store is open.
        unsafe { bindings::kv_stat(raw, &mut stats) }
        (Store { raw }, stats)
    }

    pub fn put(&mut self, key: u64, value: u64) -> bool {
        // SAFETY: open.
        unsafe { bindings::kv_put(self.raw, key, value) == 0 }
    }

    pub fn get(&self, key: u64) -> Option<u64> {
        let mut value = 0;
        // SAFETY: open.
        let found = unsafe { bindings::kv_get(self.raw, key, &mut value) };
        (found == 0).then_some(value)
    }

    /// Closes early, and says how much there was.
    pub fn close(self) -> kv_stats {
        let mut stats = kv_stats::default();
        // SAFETY: open.
        unsafe {
            bindings::kv_stat(self.raw, &mut stats);
            bindings::kv_destroy(self.raw);
        }
        stats
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: open.
        unsafe { bindings::kv_destroy(self.raw) }
    }
}
