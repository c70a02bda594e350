//! Filters over samples.

mod ffi;

pub use ffi::Window;

pub struct Filter {
    raw: *mut ffi::SigFilter,
}

impl Filter {
    pub fn new(order: i32, cutoff: f64) -> Option<Filter> {
        // SAFETY: any two numbers.
        let raw = unsafe { ffi::sig_filter_new(order, cutoff) };
        if raw.is_null() {
            None
        } else {
            Some(Filter { raw })
        }
    }

    pub fn gain(&self) -> f64 {
        // SAFETY: alive.
        unsafe { f64::from(ffi::sig_gain(self.raw)) }
    }

    pub fn run(&mut self, window: &Window, samples: &mut [f32]) {
        // SAFETY: alive; as many samples as said.
        unsafe { ffi::sig_run(self.raw, window, samples.as_mut_ptr(), samples.len()) }
    }

    /// The mean square of the samples.
    pub fn energy(&self, samples: &[f32]) -> f32 {
        // SAFETY: alive; as many samples as said.
        unsafe { ffi::sig_energy(self.raw, samples, samples.len()) }
    }
}

impl Drop for Filter {
    fn drop(&mut self) {
        // SAFETY: alive.
        unsafe { ffi::sig_filter_free(self.raw) }
    }
}
