use crate::sums::{self, State};

#[derive(Default)]
pub struct Rolling {
    state: State,
}

impl Rolling {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn update(&mut self, bytes: &[u8]) {
        // SAFETY: so many bytes.
        unsafe { sums::sum_update(&mut self.state, bytes.as_ptr(), bytes.len()) }
    }

    pub fn digest(&self) -> u32 {
        // SAFETY: alive.
        unsafe { sums::sum_digest(&self.state) }
    }
}
