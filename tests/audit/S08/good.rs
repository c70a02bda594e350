use std::os::raw::c_int;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

unsafe extern "C" {
    fn read_config(out: *mut c_int) -> c_int;
}

static CONFIG: Mutex<c_int> = Mutex::new(0);
static SEEN: AtomicU32 = AtomicU32::new(0);
static mut NEVER_SEEN_BY_C: u32 = 0;

pub fn load() -> c_int {
    let mut config = CONFIG.lock().unwrap();
    unsafe { read_config(&mut *config) }
}

extern "C" fn on_event(_: c_int) {
    SEEN.fetch_add(1, Ordering::Relaxed);
}

/// Only bytes: no handle of C's.
pub struct Shared {
    bytes: *const u8,
}

unsafe impl Send for Shared {}

pub struct Decoder<R> {
    reader: R,
    levels: *mut u8,
}

unsafe impl<R: std::io::Read + Send> Send for Decoder<R> {}

pub struct Named<T> {
    levels: *mut u8,
    of: std::marker::PhantomData<T>,
}

unsafe impl<T> Send for Named<T> {}

extern "C" {
    static mut shared_by_tests: i32;
    fn reads_shared(at: *mut i32);
}

#[cfg(all(test, feature = "std"))]
mod test {
    use super::shared_by_tests;

    #[test]
    fn one_thread_alone() {
        unsafe { super::reads_shared(std::ptr::addr_of_mut!(shared_by_tests)) }
    }
}
