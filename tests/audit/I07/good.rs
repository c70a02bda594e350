use std::ffi::c_void;

extern "C" {
    fn on_update(hook: Option<unsafe extern "C" fn(*mut c_void, i32)>, user: *mut c_void);
    fn each_row(n: i32, done: unsafe extern "C" fn(*mut c_void, i32), user: *mut c_void);
}

unsafe extern "C" fn call<F: FnMut(i32)>(user: *mut c_void, row: i32) {
    let closure = &mut *(user as *mut F);
    closure(row);
}

pub fn hook<F: FnMut(i32) + Send + 'static>(closure: F) {
    let boxed: *mut F = Box::into_raw(Box::new(closure));
    unsafe { on_update(Some(call::<F>), boxed as *mut _) }
}

pub fn hook_of<F>(closure: Option<F>)
where
    F: for<'r> FnMut(i32) -> Option<&'r str> + Send + 'static,
{
    unsafe extern "C" fn call_it<F: for<'r> FnMut(i32) -> Option<&'r str>>(user: *mut c_void, row: i32) {
        let boxed: *mut F = user as *mut F;
        (*boxed)(row);
    }
    if let Some(closure) = closure {
        let boxed: *mut F = Box::into_raw(Box::new(closure));
        unsafe { on_update(Some(call_it::<F>), boxed as *mut _) }
    }
}

/// C calls it during the function alone.
pub fn each<F: FnMut(i32)>(n: i32, mut closure: F) {
    unsafe { each_row(n, call::<F>, &mut closure as *mut F as *mut c_void) }
}

pub fn scoped(n: i32) -> u64 {
    unsafe extern "C" fn count(user: *mut c_void, _: i32) {
        *(user as *mut u64) += 1;
    }
    let mut rows = 0u64;
    unsafe {
        on_update(Some(count), &mut rows as *mut u64 as *mut c_void);
        each_row(n, count, &mut rows as *mut u64 as *mut c_void);
        on_update(None, std::ptr::null_mut());
    }
    rows
}
