#[repr(C)]
pub struct Raw {
    _private: [u8; 0],
}

unsafe extern "C" {
    fn raw_free(raw: *mut Raw);
}

pub struct Handle {
    raw: *mut Raw,
}

impl Drop for Handle {
    fn drop(&mut self) {
        unsafe { raw_free(self.raw) }
    }
}

#[derive(Clone)]
pub struct Cursor<'a> {
    raw: *mut Raw,
    of: std::marker::PhantomData<&'a Handle>,
}

impl Drop for Cursor<'_> {
    fn drop(&mut self) {
        unsafe { raw_free(self.raw) }
    }
}

impl Handle {
    pub fn from_any(raw: *mut Raw) -> Self {
        Handle { raw }
    }
}
