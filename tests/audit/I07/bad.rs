use std::ffi::c_void;

extern "C" {
    fn on_update(hook: Option<unsafe extern "C" fn(*mut c_void, i32)>, user: *mut c_void);
}

/// The closure may borrow what the caller drops.
pub fn hook<'c, F>(closure: F)
where
    F: FnMut(i32) + Send + 'c,
{
    unsafe extern "C" fn call<F: FnMut(i32)>(user: *mut c_void, row: i32) {
        let boxed: *mut F = user as *mut F;
        (*boxed)(row);
    }
    let boxed: *mut F = Box::into_raw(Box::new(closure));
    unsafe { on_update(Some(call::<F>), boxed as *mut _) }
}

unsafe extern "C" fn count(user: *mut c_void, _: i32) {
    *(user as *mut u64) += 1;
}

pub fn counted() {
    let mut rows = 0u64;
    unsafe { on_update(Some(count), &mut rows as *mut u64 as *mut c_void) }
}
