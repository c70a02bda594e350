#[repr(C)]
pub struct RawContext {
    _private: [u8; 0],
}

unsafe extern "C" {
    fn context_close(context: *mut RawContext);
}

pub struct Context {
    raw: *mut RawContext,
}

unsafe impl Send for Context {}
unsafe impl Sync for Context {}
