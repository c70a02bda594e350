//! A variadic function gets no gate.
#[galeed::foreign]
unsafe extern "C" {
    fn printf(#[lend(nul)] format: *const std::ffi::c_char, ...) -> i32;
}

fn main() {}
