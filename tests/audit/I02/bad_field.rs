extern "C" {
    fn compile(text: *const u8, n: usize, made: *mut usize) -> *mut u8;
}

/// A growing buffer of C's is taken for a Vec.
pub struct Code(Vec<u8>);

impl Code {
    pub fn new(text: &str) -> Option<Code> {
        let mut made = 0;
        let code = unsafe { compile(text.as_ptr(), text.len(), &mut made) };
        if code.is_null() {
            return None;
        }
        Some(Code(unsafe { Vec::from_raw_parts(code, made, made) }))
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}
